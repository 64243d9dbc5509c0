import type { LoopView } from "../chat/loop-view.ts";
import { outcomeResult } from "../chat/outcome-text.ts";
import { isOutcome, type ToolCall } from "../chat/tool-call.ts";
import { LIMITS } from "../core/limits.ts";
import type { ActivityDeps } from "./activity-deps.ts";
import { persist } from "./persist.ts";
import { runOnDaemon } from "./run-on-daemon.ts";
import { runToolHere } from "./run-tool-here.ts";
import type { StepContext } from "./step-context.ts";

export interface RunToolInput {
  readonly chatId: string;
  readonly runId: string;
  readonly toolCallId: string;
}

/**
 * Brings one tool call to its outcome, wherever its tool runs, and its result into the chat. The ledger decides: a call
 * that has an outcome is only delivered. A cancel does not end the waiting for the outcome.
 */
export async function runTool(deps: ActivityDeps, input: RunToolInput, context: StepContext): Promise<LoopView> {
  const { toolCalls, turns } = deps.store;
  const call = await toolCalls.get(input.toolCallId);
  if (!isOutcome(call.state)) await bringToOutcome(deps, call, context);
  return persist(deps.clock, context.stopping, () => turns.deliverResult(input.toolCallId));
}

async function bringToOutcome(deps: ActivityDeps, call: ToolCall, context: StepContext): Promise<void> {
  const { toolCalls } = deps.store;
  const cancelRequested = await toolCalls.cancelRequested(call.id);
  if (cancelRequested && call.state === "requested") {
    await toolCalls.endBeforeRunning({
      ...{ toolCallId: call.id, outcome: "cancelled", reason: outcomeResult("cancelled").text },
    });
    return;
  }
  const parsed = parse(deps, call);
  // What was dispatched or started before is followed to its end, whatever the catalog says by now.
  if (parsed.kind === "unfit" && call.state === "requested") {
    await toolCalls.endBeforeRunning({ toolCallId: call.id, outcome: "failed", reason: parsed.text });
    return;
  }
  const startsHere = parsed.kind === "fits" && parsed.tool.runsOn !== "daemon" && call.daemonId === undefined;
  if (startsHere) return runToolHere(deps, { call, tool: parsed.tool, input: parsed.input }, context);
  const timeoutMs = call.timeoutMs ?? (parsed.kind === "fits" ? parsed.tool.timeoutMs(parsed.input) : 0);
  return runOnDaemon(deps, { call, timeoutMs, cancelRequested }, context);
}

function parse(deps: ActivityDeps, call: ToolCall) {
  const bytes = Buffer.byteLength(JSON.stringify(call.input));
  if (bytes > LIMITS.toolInputBytes) {
    const text = `The input of ${call.name} has ${bytes} bytes; at most ${LIMITS.toolInputBytes} fit. Do it in smaller parts.`;
    return { kind: "unfit", text } as const;
  }
  if (typeof call.input === "string") {
    const text = `The input of ${call.name} is not JSON: after ${call.input.length} characters it was cut off, or it is written wrongly. Nothing was run. Ask again, with the whole input.`;
    return { kind: "unfit", text } as const;
  }
  return deps.tools.parse(call.name, call.input);
}
