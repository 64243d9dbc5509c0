import type { ToolResult } from "../chat/message.ts";
import { outcomeResult, outcomeText } from "../chat/outcome-text.ts";
import { resultTextOf } from "../chat/result-text.ts";
import { isOutcome, type ToolCall } from "../chat/tool-call.ts";
import type { Ending } from "../chat/transitions.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import type { OutputChannel, Tool } from "../tools/tool.ts";
import type { ActivityDeps } from "./activity-deps.ts";
import { cancelOf } from "./cancel-request.ts";
import { persist } from "./persist.ts";
import type { StepContext } from "./step-context.ts";

interface HereCall {
  readonly call: ToolCall;
  readonly tool: Tool;
  readonly input: unknown;
}

/** Why a tool in this process was told to stop. */
type Stop = "cancelled" | "timed_out" | "process_stops";

/** Runs a tool that needs no daemon in this process; resolves when the ledger has the outcome, ours or somebody else's. */
export async function runToolHere(deps: ActivityDeps, here: HereCall, context: StepContext): Promise<void> {
  const { clock } = deps;
  const { toolCalls } = deps.store;
  const toolCallId = here.call.id;
  const journalId = newId("wrk");
  const timeoutMs = here.tool.timeoutMs(here.input);
  const deadlineAtMs = clock.now() + timeoutMs + LIMITS.toolHereSlackMs;
  const { started, toolCall } = await toolCalls.startHere({ toolCallId, journalId, timeoutMs, deadlineAtMs });
  if (!started) return awaitOther(deps, toolCall, context);
  const { ending, result: given } = await runBounded(deps, here, timeoutMs, context);
  const result = { ...given, text: resultTextOf(given.text) };
  await persist(clock, context.stopping, () => toolCalls.finishHere({ toolCallId, journalId, ending, result }));
}

/** Another attempt started it: its result counts, or its silence beyond the deadline. */
async function awaitOther(deps: ActivityDeps, first: ToolCall, context: StepContext): Promise<void> {
  const { clock } = deps;
  const { toolCalls } = deps.store;
  const giveUpAtMs = first.deadlineAtMs ?? clock.now() + LIMITS.toolHereSlackMs;
  for (let row = first; !isOutcome(row.state); row = await toolCalls.get(first.id)) {
    const leftMs = giveUpAtMs - clock.now();
    if (leftMs <= 0) {
      await toolCalls.markUnreachable(first.id, outcomeText("unknown", "The server that ran it was lost."));
      return;
    }
    await clock.sleep(Math.min(LIMITS.ledgerPollMs, leftMs), context.stopping).catch((cause: unknown) => {
      throw new ReliantError("unavailable", `wait for tool call ${first.id}: this process stops`, { cause });
    });
  }
}

async function runBounded(
  deps: ActivityDeps,
  here: HereCall,
  timeoutMs: number,
  context: StepContext,
): Promise<{ readonly ending: Ending; readonly result: ToolResult }> {
  const { clock } = deps;
  const toolCallId = here.call.id;
  const ended = new AbortController();
  const tool = new AbortController();
  const stopped = Promise.withResolvers<Stop>();
  const stop = (why: Stop) => {
    tool.abort();
    stopped.resolve(why);
  };
  const disarm = clock.after(timeoutMs, () => stop("timed_out"));
  const onStopping = () => stop("process_stops");
  context.stopping.addEventListener("abort", onStopping, { once: true });
  if (context.stopping.aborted) onStopping();
  const cancelling = cancelOf(deps, toolCallId, context, ended.signal).then(
    (cancel) => cancel && stop("cancelled"),
    (error: unknown) => logger("activities", "run-tool-here").error("cancel not watched for", { toolCallId, error }),
  );
  const running = runTool(deps, here, tool.signal);
  try {
    const first = await Promise.race([running, stopped.promise]);
    if (typeof first !== "string") return { ending: first.isError ? "finished_with_error" : "finished", result: first };
    // It may still say what it had, within a bound.
    const last = await Promise.race([running, clock.sleep(LIMITS.toolHereStopMs, ended.signal)]);
    return afterStop(first, last ?? undefined);
  } finally {
    disarm();
    context.stopping.removeEventListener("abort", onStopping);
    ended.abort();
    await cancelling;
  }
}

/** The tool's result; what it throws is one too. */
async function runTool(deps: ActivityDeps, here: HereCall, signal: AbortSignal): Promise<ToolResult> {
  try {
    return await here.tool.run(here.input, {
      toolCallId: here.call.id,
      signal,
      roots: [],
      output: liveOutput(deps, here.call),
      clock: deps.clock,
    });
  } catch (error) {
    return { text: `The tool could not be run: ${messageOf(error)}`, isError: true };
  }
}

function afterStop(why: Stop, last: ToolResult | undefined): { readonly ending: Ending; readonly result: ToolResult } {
  switch (why) {
    case "process_stops": {
      const text = "The server that ran this tool was stopped in the middle of it.";
      return { ending: "finished_with_error", result: { text, isError: true } };
    }
    case "cancelled":
    case "timed_out": {
      const said = outcomeResult(why);
      const text = last === undefined || last.text === "" ? said.text : `${said.text}\n\n${last.text}`;
      return { ending: why, result: { ...said, text } };
    }
  }
}

function liveOutput(deps: ActivityDeps, call: ToolCall): (channel: OutputChannel, data: Uint8Array) => void {
  let offset = 0;
  return (channel, data) => {
    const { userId } = call;
    for (let at = 0; at < data.length; at += LIMITS.outputChunkBytes) {
      const part = data.subarray(at, at + LIMITS.outputChunkBytes);
      const chunk = {
        ...{ chatId: call.chatId, toolCallId: call.id, channel, offset, gapBytes: 0 },
        data: Buffer.from(part).toString("base64"),
      };
      deps.hub.publish({ kind: "tool_output", userId, chunk });
      offset += part.length;
    }
  };
}
