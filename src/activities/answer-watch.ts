import type { Usage } from "../chat/message.ts";
import type { Clock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import type { AnswerFence, Turns } from "../store/turns.ts";
import type { LiveAnswer } from "./live-answer.ts";
import type { StepContext } from "./step-context.ts";

/** Why an attempt is to end before the model has. */
export type Verdict = "cancelled" | "fence_lost" | "stopped";

/** Stores what has come of an answer while it is written, and hears from the store whether to go on. */
export class AnswerWatch {
  private savedRevision = 0;
  private savedUsage: Usage | undefined;
  private lookedAtMs: number;
  private cancelHeard = false;

  constructor(
    private readonly options: {
      readonly turns: Pick<Turns, "saveLiveBlocks">;
      readonly clock: Clock;
      readonly context: StepContext;
      readonly fence: AnswerFence;
      readonly live: LiveAnswer;
    },
  ) {
    this.lookedAtMs = options.clock.now();
  }

  /** Watches until `done` aborts (undefined), or until there is a reason to end. */
  async until(done: AbortSignal): Promise<Verdict | undefined> {
    const { clock, context } = this.options;
    while (!done.aborted) {
      if (context.stopping.aborted) return "stopped";
      const mustLook = context.cancelled.aborted && !this.cancelHeard;
      if (!mustLook) await this.pause(done);
      if (done.aborted) break;
      if (context.stopping.aborted) return "stopped";
      if (!this.isDue(clock.now())) continue;
      const verdict = await this.look();
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  }

  /** One round of storing, cut short by `done`, by the process's stop and, once, by a cancel. */
  private async pause(done: AbortSignal): Promise<void> {
    const { clock, context } = this.options;
    const signals = [done, context.stopping, ...(this.cancelHeard ? [] : [context.cancelled])];
    await clock.sleep(LIMITS.deltaStoreMs, AbortSignal.any(signals)).catch(() => undefined);
  }

  /** Text that came is stored with each round; without any, the store is asked at the slow poll's pace. */
  private isDue(nowMs: number): boolean {
    const { context, live } = this.options;
    const cancelNow = context.cancelled.aborted && !this.cancelHeard;
    return cancelNow || live.revision !== this.savedRevision || nowMs - this.lookedAtMs >= LIMITS.ledgerPollMs;
  }

  private async look(): Promise<Verdict | undefined> {
    const { turns, clock, context, fence, live } = this.options;
    const { revision, usage } = live;
    const news = usage === undefined || usage === this.savedUsage ? [] : [usage];
    if (context.cancelled.aborted) this.cancelHeard = true;
    this.lookedAtMs = clock.now();
    try {
      const { held, cancelRequested } = await turns.saveLiveBlocks(fence, live.liveBlocks(this.savedRevision), ...news);
      this.savedRevision = revision;
      this.savedUsage = usage;
      if (!held) return "fence_lost";
      return cancelRequested ? "cancelled" : undefined;
    } catch (error) {
      if (!(error instanceof ReliantError && error.row.retryable)) throw error;
      // The next round stores it, and the end of the answer is what counts.
      logger("activities", "answer-watch").warning("live blocks not stored", { code: error.code });
      return undefined;
    }
  }
}
