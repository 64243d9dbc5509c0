import { unreachable } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { LoopView } from "./loop-view.ts";
import type { Failure } from "./message.ts";

/** The next thing to do for a chat. */
export type Decision =
  /** Ask the model. `messageId` is set where an answer was begun and its writer is gone. */
  | { readonly kind: "call_model"; readonly runId: string; readonly messageId?: string }
  | { readonly kind: "run_tools"; readonly runId: string; readonly toolCallIds: readonly string[] }
  | {
      readonly kind: "end_run";
      readonly runId: string;
      readonly outcome: "succeeded" | "failed" | "cancelled";
      readonly error?: Failure;
    }
  | { readonly kind: "rest" };

/**
 * The agent loop's one decision, from what the store says and nothing else: whoever starts again after a crash
 * decides the same. Table: tests/unit/chat/agent-loop.test.ts.
 */
export function decide(view: LoopView): Decision {
  const { run, answer } = view;
  if (run === undefined) return { kind: "rest" };
  const runId = run.id;

  // Open tool calls come first even after a cancel: each has exactly one outcome, and it stands in the chat.
  if (answer !== undefined && answer.openToolCallIds.length > 0) {
    return { kind: "run_tools", runId, toolCallIds: answer.openToolCallIds };
  }
  if (answer?.state === "open") {
    return { kind: "call_model", runId, messageId: answer.messageId };
  }
  if (run.cancelRequested) return { kind: "end_run", runId, outcome: "cancelled" };
  if (answer?.state === "failed") {
    return {
      kind: "end_run",
      runId,
      outcome: "failed",
      ...(answer.error === undefined ? {} : { error: answer.error }),
    };
  }

  const wantsModel = view.unanswered || answer === undefined || answer.hasToolCalls;
  if (!wantsModel) return { kind: "end_run", runId, outcome: "succeeded" };
  if (run.modelCalls >= LIMITS.modelCallsPerRun) {
    return {
      kind: "end_run",
      runId,
      outcome: "failed",
      error: {
        code: "resource_exhausted",
        message: `the run asked the model ${run.modelCalls} times, the most that one run may: send a message to go on`,
      },
    };
  }
  return { kind: "call_model", runId };
}

/** The steps that an engine carries out. Each may be repeated with the same input: the store knows what is done already. */
export interface AgentSteps {
  look(): Promise<LoopView>;
  callModel(input: { readonly runId: string; readonly messageId: string }): Promise<LoopView>;
  runTool(input: { readonly runId: string; readonly toolCallId: string }): Promise<LoopView>;
  endRun(input: Omit<Extract<Decision, { kind: "end_run" }>, "kind">): Promise<LoopView>;
  /** A new id for the answer that the next model call writes. */
  newMessageId(): string;
}

/** What ended {@link runAgentLoop}: nothing is left to do, or `mayGoOn` said no and the engine should call it again. */
export type LoopEnd = "rested" | "paused";

/**
 * Takes step after step until nothing is left to do. Before each one `mayGoOn` is asked, with the number of steps done:
 * an engine whose history has a bound ends it there, where nothing is under way.
 */
export async function runAgentLoop(steps: AgentSteps, mayGoOn: (stepsDone: number) => boolean): Promise<LoopEnd> {
  let view = await steps.look();
  for (let done = 0; ; done++) {
    const decision = decide(view);
    if (decision.kind === "rest") return "rested";
    if (!mayGoOn(done)) return "paused";
    switch (decision.kind) {
      case "call_model":
        view = await steps.callModel({
          runId: decision.runId,
          messageId: decision.messageId ?? steps.newMessageId(),
        });
        break;
      case "run_tools":
        view = await runTools(steps, decision);
        break;
      case "end_run": {
        const { kind: _, ...input } = decision;
        view = await steps.endRun(input);
        break;
      }
      default:
        return unreachable(decision);
    }
  }
}

/** All calls at once. The answer of the one that ended last knows of all results; if none does, the store is asked. */
async function runTools(steps: AgentSteps, decision: Extract<Decision, { kind: "run_tools" }>): Promise<LoopView> {
  const views = await Promise.all(
    decision.toolCallIds.map((toolCallId) => steps.runTool({ runId: decision.runId, toolCallId })),
  );
  const settled = views.find((view) => (view.answer?.openToolCallIds.length ?? 0) === 0);
  return settled ?? (await steps.look());
}
