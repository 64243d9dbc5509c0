import type { Decision } from "../chat/agent-loop.ts";
import type { LoopView } from "../chat/loop-view.ts";
import type { ActivityDeps } from "./activity-deps.ts";
import { type CallModelInput, callModel } from "./call-model.ts";
import { type RunToolInput, runTool } from "./execute-tool.ts";
import type { StepContext } from "./step-context.ts";

export type EndRunInput = { readonly chatId: string } & Omit<Extract<Decision, { kind: "end_run" }>, "kind">;

/**
 * What the steps of the loop do. Each takes ids and small facts, answers what the store says after it, and may be
 * repeated with the same input at any time, by any process. Rejects with a retryable {@link ReliantError} where it is
 * worth repeating; with another one where the step can never succeed.
 */
export interface Activities {
  look(input: { readonly chatId: string }): Promise<LoopView>;
  callModel(input: CallModelInput, context: StepContext): Promise<LoopView>;
  runTool(input: RunToolInput, context: StepContext): Promise<LoopView>;
  endRun(input: EndRunInput): Promise<LoopView>;
}

export function createActivities(deps: ActivityDeps): Activities {
  const { turns } = deps.store;
  return {
    look: ({ chatId }) => turns.view(chatId),
    callModel: (input, context) => callModel(deps, input, context),
    runTool: (input, context) => runTool(deps, input, context),
    endRun: ({ chatId: _, ...end }) => turns.endRun(end),
  };
}
