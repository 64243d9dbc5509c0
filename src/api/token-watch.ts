import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";

/**
 * Asks whether a stream may go on, beside what it sends: thousands of streams are silent most of the time, and the question
 * alone wakes none of them. Every `LIMITS.streamTokenCheckMs`, or when what was said last is believed no longer.
 */
export class TokenWatch {
  private refusal: { readonly error: unknown } | undefined;
  private asking: Promise<void> = Promise.resolve();
  private stopTimer: () => void = () => undefined;
  private stopped = false;

  constructor(
    private readonly deps: {
      readonly clock: Clock;
      /** Rejects when the stream may not go on. Resolves with when (Unix, ms) to ask again at the earliest. */
      readonly mayGoOn: () => Promise<number | undefined>;
      /** Called once, when that has happened. */
      readonly onRefused: () => void;
    },
  ) {}

  get isRefused(): boolean {
    return this.refusal !== undefined;
  }

  start(believedUntilMs = 0): void {
    if (this.stopped) return;
    const { clock } = this.deps;
    const waitMs = Math.max(
      LIMITS.streamTokenCheckMs,
      Math.min(believedUntilMs - clock.now(), LIMITS.streamTokenTrustMs),
    );
    this.stopTimer = clock.after(waitMs, () => {
      this.asking = this.ask();
    });
  }

  throwIfRefused(): void {
    if (this.refusal !== undefined) throw this.refusal.error;
  }

  /** Resolves when nothing is asked any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.stopTimer();
    await this.asking;
  }

  private async ask(): Promise<void> {
    let believedUntilMs: number | undefined;
    try {
      believedUntilMs = await this.deps.mayGoOn();
    } catch (error) {
      this.refusal = { error };
      this.deps.onRefused();
      return;
    }
    this.start(believedUntilMs);
  }
}
