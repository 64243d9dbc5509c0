import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";

/**
 * Asks every `LIMITS.streamTokenCheckMs` whether a stream may go on, beside what it sends: thousands of streams are
 * silent most of the time, and the question alone wakes none of them.
 */
export class TokenWatch {
  private refusal: { readonly error: unknown } | undefined;
  private asking: Promise<void> = Promise.resolve();
  private stopTimer: () => void = () => undefined;
  private stopped = false;

  constructor(
    private readonly deps: {
      readonly clock: Clock;
      /** Rejects when the stream may not go on. */
      readonly mayGoOn: () => Promise<void>;
      /** Called once, when that has happened. */
      readonly onRefused: () => void;
    },
  ) {}

  get isRefused(): boolean {
    return this.refusal !== undefined;
  }

  start(): void {
    if (this.stopped) return;
    this.stopTimer = this.deps.clock.after(LIMITS.streamTokenCheckMs, () => {
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
    try {
      await this.deps.mayGoOn();
    } catch (error) {
      this.refusal = { error };
      this.deps.onRefused();
      return;
    }
    this.start();
  }
}
