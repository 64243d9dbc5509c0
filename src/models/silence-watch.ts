import type { Clock } from "../core/clock.ts";

/**
 * Notices a peer that has gone silent: calls `onSilence` once when, during a wait, nothing was noticed for `silenceMs`.
 * Time in which nobody waits for the peer does not count: a slow reader is not the peer's silence.
 */
export class SilenceWatch {
  private lastMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly silenceMs: number,
    private readonly onSilence: () => void,
  ) {}

  /** Something came from the peer. */
  noticed(): void {
    this.lastMs = this.clock.stamp().monotonicMs;
  }

  /** Waits for the peer. */
  async during<T>(wait: Promise<T>): Promise<T> {
    this.noticed();
    let disarm = () => {};
    const arm = (ms: number) => {
      disarm = this.clock.after(ms, () => {
        const leftMs = this.silenceMs - (this.clock.stamp().monotonicMs - this.lastMs);
        if (leftMs > 0) arm(leftMs);
        else this.onSilence();
      });
    };
    arm(this.silenceMs);
    try {
      return await wait;
    } finally {
      disarm();
    }
  }
}
