import { messageOf } from "../core/errors.ts";
import { logger } from "../core/logger.ts";

/** Work that is put off to the end of this turn of the event loop, so that all of one turn is done together. */
export class TurnEnd {
  private waiting: (() => void)[] = [];

  constructor(
    private readonly defer: (work: () => void) => void = setImmediate,
    /** One piece of work threw; the others of its turn are done all the same. */
    private readonly onError: (error: unknown) => void = logError,
  ) {}

  /** Each piece of work must have been put off once at most. */
  do(work: () => void): void {
    this.waiting.push(work);
    if (this.waiting.length === 1) this.defer(() => this.run());
  }

  private run(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const work of waiting) {
      try {
        work();
      } catch (error) {
        this.onError(error);
      }
    }
  }
}

function logError(error: unknown): void {
  logger("rpc").error("work at the end of a turn has failed", { cause: messageOf(error) });
}
