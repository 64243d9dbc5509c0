/** Wakes whoever waits for something to become true, each time that it may have. */
export class Bell {
  private readonly waiting = new Set<() => void>();

  ring(): void {
    for (const wake of [...this.waiting]) wake();
  }

  /** Resolves when `look` is true; rejects with the signal's reason when it aborts first. */
  until(look: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.waiting.delete(wake);
        signal.removeEventListener("abort", onAbort);
      };
      const onAbort = () => {
        leave();
        reject(signal.reason);
      };
      const wake = () => {
        if (!look()) return;
        leave();
        resolve();
      };
      if (signal.aborted) return reject(signal.reason);
      this.waiting.add(wake);
      signal.addEventListener("abort", onAbort, { once: true });
      wake();
    });
  }
}
