import type { Activities } from "../../activities/activities.ts";
import type { StepContext } from "../../activities/step-context.ts";
import { type AgentSteps, runAgentLoop } from "../../chat/agent-loop.ts";
import type { LoopView } from "../../chat/loop-view.ts";
import { backoffMs } from "../../core/backoff.ts";
import type { Clock } from "../../core/clock.ts";
import { toReliantError } from "../../core/errors.ts";
import { newId } from "../../core/ids.ts";
import { LIMITS } from "../../core/limits.ts";
import { logger } from "../../core/logger.ts";
import { guardedSteps, isWorthRepeating } from "../guarded-steps.ts";

/** The loop of one chat in this process. */
export class ChatLoop {
  private mustLookAgain = false;
  /** Of the steps under way; each cancel uses one up. */
  private cancelling = new AbortController();

  constructor(
    private readonly options: {
      readonly chatId: string;
      readonly activities: Activities;
      readonly clock: Clock;
      readonly stopping: AbortSignal;
    },
  ) {}

  lookAgain(): void {
    this.mustLookAgain = true;
  }

  cancel(): void {
    this.mustLookAgain = true;
    const now = this.cancelling;
    this.cancelling = new AbortController();
    now.abort();
  }

  /** Runs until nothing is left to do and nobody has told it to look again; calls `onEnd` then, with no await between. */
  async run(onEnd: () => void): Promise<void> {
    const { chatId, stopping } = this.options;
    try {
      do {
        this.mustLookAgain = false;
        await runAgentLoop(this.steps(), () => !stopping.aborted);
      } while (this.mustLookAgain && !stopping.aborted);
    } catch (error) {
      // What the loop was to do stands in the store: the next wake, or the next start, takes it up.
      if (!stopping.aborted) logger("engine", "embedded").error("loop ended by an error", { chatId, error });
    } finally {
      onEnd();
    }
  }

  private steps(): AgentSteps {
    const { chatId, activities } = this.options;
    const steps: AgentSteps = {
      look: () => this.retrying("look", () => activities.look({ chatId })),
      callModel: (input) =>
        this.retrying("callModel", (context) => activities.callModel({ chatId, ...input }, context)),
      runTool: (input) => this.retrying("runTool", (context) => activities.runTool({ chatId, ...input }, context)),
      endRun: (input) => this.retrying("endRun", () => activities.endRun({ chatId, ...input })),
      newMessageId: () => newId("msg"),
    };
    return guardedSteps(steps, (thrown) => {
      // A process that stops fails no run: the loop ends, and the next start goes on.
      if (this.options.stopping.aborted) throw thrown;
      const { code, message } = toReliantError(thrown, `run a step of chat ${chatId}`);
      return { kind: "failed", error: { code, message } };
    });
  }

  /** Repeats the step for as long as what it needs is away. */
  private async retrying(name: string, step: (context: StepContext) => Promise<LoopView>): Promise<LoopView> {
    const { chatId, clock, stopping } = this.options;
    for (let attempt = 0; ; attempt++) {
      try {
        return await step({ cancelled: this.cancelling.signal, stopping });
      } catch (thrown) {
        if (stopping.aborted) throw thrown;
        const error = toReliantError(thrown, name);
        if (!isWorthRepeating(name, error)) throw thrown;
        const fields = { chatId, step: name, code: error.code, attempt };
        if (error.row.retryable) logger("engine", "embedded").warning("step will be repeated", fields);
        else logger("engine", "embedded").error("step failed and will be repeated", { ...fields, error });
        const waitMs = backoffMs(attempt, { baseMs: LIMITS.stepRetryBaseMs, maxMs: LIMITS.stepRetryMaxMs });
        await clock.sleep(waitMs, stopping);
      }
    }
  }
}
