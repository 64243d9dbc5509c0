import type { JsonValue } from "./json.ts";
import type { ToolResult } from "./message.ts";

/** How a tool call ended. `unknown`: it may have run, and nobody can tell how it ended. */
export type ToolCallOutcome = "succeeded" | "failed" | "denied" | "cancelled" | "timed_out" | "unknown";
export type ToolCallState = "requested" | "dispatched" | "running" | ToolCallOutcome;

/** One row of the ledger. */
export interface ToolCall {
  readonly id: string;
  readonly chatId: string;
  readonly userId: string;
  readonly runId: string;
  /** The assistant's message that asks for it, and the call's place in it, from 0. */
  readonly messageId: string;
  readonly index: number;
  readonly name: string;
  readonly input: JsonValue;
  readonly state: ToolCallState;
  /** The daemon that it was dispatched to. */
  readonly daemonId?: string;
  /** In `running` and after: the journal that was granted the start; a worker's own id for a tool that runs there. */
  readonly journalId?: string;
  readonly result?: ToolResult;
  /** True when the result stands in the chat. */
  readonly delivered: boolean;
  /** Time that the tool itself has, set when it is dispatched. */
  readonly timeoutMs?: number;
  /** When the call must have an outcome, by the wall clock. */
  readonly deadlineAtMs?: number;
  readonly createdAtMs: number;
}

export function isOutcome(state: ToolCallState): state is ToolCallOutcome {
  return state !== "requested" && state !== "dispatched" && state !== "running";
}
