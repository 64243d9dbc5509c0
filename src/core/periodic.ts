import type { Clock } from "./clock.ts";
import { messageOf } from "./errors.ts";
import type { Logger } from "./logger.ts";

/** Work that is done again and again, a pause after each time, never twice at once. What it throws is logged. */
export class Periodic {
  private stopTimer: (() => void) | undefined;
  private underWay: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly work: () => Promise<unknown> | unknown,
    private readonly options: {
      readonly name: string;
      readonly everyMs: number;
      /** Pause before the first time; default: `everyMs`. */
      readonly firstAfterMs?: number;
      readonly clock: Clock;
      readonly log: Logger;
    },
  ) {}

  start(): void {
    this.arm(this.options.firstAfterMs ?? this.options.everyMs);
  }

  /** Resolves when the work that is under way has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.stopTimer?.();
    await this.underWay;
  }

  private arm(pauseMs: number): void {
    if (this.stopped) return;
    this.stopTimer = this.options.clock.after(pauseMs, () => {
      this.underWay = this.once();
    });
  }

  private async once(): Promise<void> {
    try {
      await this.work();
    } catch (error) {
      this.options.log.warn("a periodic task failed", { task: this.options.name, cause: messageOf(error) });
    }
    this.arm(this.options.everyMs);
  }
}
