import type { AgentSteps } from "../chat/agent-loop.ts";
import type { LoopView } from "../chat/loop-view.ts";
import type { Failure } from "../chat/message.ts";
import type { ReliantError } from "../core/errors.ts";

/** What an engine makes of a step that rejected for good. `look_again`: it was cancelled, and the store says what now. */
export type StepFailure = { readonly kind: "look_again" } | { readonly kind: "failed"; readonly error: Failure };

/**
 * True where a step that was refused is worth repeating. A look, and the end of a run, are repeated whatever went wrong:
 * where they are given up nobody is left to move the chat. Only a chat that is not there needs neither.
 */
export function isWorthRepeating(step: string, error: ReliantError): boolean {
  if (step === "look" || step === "endRun") return error.code !== "not_found";
  return error.row.retryable;
}

/** The steps, so that one which can never succeed ends its run as failed: no chat stays stuck, and the user reads why. */
export function guardedSteps(steps: AgentSteps, failureOf: (error: unknown) => StepFailure): AgentSteps {
  const guard = async (runId: string, step: () => Promise<LoopView>): Promise<LoopView> => {
    try {
      return await step();
    } catch (thrown) {
      const failure = failureOf(thrown);
      if (failure.kind === "look_again") return steps.look();
      return steps.endRun({ runId, outcome: "failed", error: failure.error });
    }
  };
  return {
    look: () => steps.look(),
    callModel: (input) => guard(input.runId, () => steps.callModel(input)),
    runTool: (input) => guard(input.runId, () => steps.runTool(input)),
    endRun: (input) => steps.endRun(input),
    newMessageId: () => steps.newMessageId(),
  };
}
