import type { Clock } from "../core/clock.ts";
import type { CallNews } from "./daemon-transport.ts";

/** What one waiting delivery hears of its call. A ring that comes while nobody waits is kept. */
export class CallBell {
  private news: CallNews | undefined;
  private wake: (() => void) | undefined;

  ring(news: CallNews): void {
    if (this.news !== "done") this.news = news;
    this.wake?.();
  }

  /** Takes what was rung since the last time, waiting for it up to `ms`; undefined: nothing. Rejects when the signal aborts. */
  async wait(ms: number, clock: Clock, signal: AbortSignal): Promise<CallNews | undefined> {
    signal.throwIfAborted();
    if (this.news === undefined) await this.sleep(ms, clock, signal);
    const news = this.news;
    this.news = undefined;
    return news;
  }

  private sleep(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stopTimer = clock.after(ms, () => this.wake?.());
      const onAbort = () => {
        settle();
        reject(signal.reason);
      };
      const settle = () => {
        stopTimer();
        signal.removeEventListener("abort", onAbort);
        this.wake = undefined;
      };
      this.wake = () => {
        settle();
        resolve();
      };
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}

/** The bells of all deliveries of this process, by tool call. */
export class CallBells {
  private readonly bells = new Map<string, Set<CallBell>>();

  open(toolCallId: string): CallBell {
    const bell = new CallBell();
    const others = this.bells.get(toolCallId);
    if (others === undefined) this.bells.set(toolCallId, new Set([bell]));
    else others.add(bell);
    return bell;
  }

  close(toolCallId: string, bell: CallBell): void {
    const bells = this.bells.get(toolCallId);
    bells?.delete(bell);
    if (bells?.size === 0) this.bells.delete(toolCallId);
  }

  ring(toolCallId: string, news: CallNews): void {
    for (const bell of this.bells.get(toolCallId) ?? []) bell.ring(news);
  }
}
