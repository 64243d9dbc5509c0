import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";

/** Work that is done again and again, a pause after each time, never twice at once. What it throws is logged. */
export class Periodic {
  private stopTimer: (() => void) | undefined;
  private underWay: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly work: () => Promise<void> | void,
    private readonly options: {
      readonly name: string;
      readonly everyMs: number;
      readonly clock: Clock;
      readonly log: Logger;
    },
  ) {}

  start(): void {
    if (this.stopped) return;
    this.stopTimer = this.options.clock.after(this.options.everyMs, () => {
      this.underWay = this.once();
    });
  }

  /** Resolves when the work that is under way has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.stopTimer?.();
    await this.underWay;
  }

  private async once(): Promise<void> {
    try {
      await this.work();
    } catch (error) {
      this.options.log.warn("a periodic task failed", { task: this.options.name, cause: messageOf(error) });
    }
    this.start();
  }
}
