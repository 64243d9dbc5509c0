import type { Selectable } from "kysely";
import type { JsonValue } from "../../chat/json.ts";
import type { ToolResult } from "../../chat/message.ts";
import type { ToolCall, ToolCallState } from "../../chat/tool-call.ts";
import { defined, readJson, readOptionalJson } from "./columns.ts";
import type { NewChatUpdate } from "./numbers.ts";
import type { Tables } from "./schema.ts";

export type ToolCallRow = Selectable<Tables["tool_calls"]>;

export function toToolCall(row: ToolCallRow): ToolCall {
  return {
    id: row.id,
    chatId: row.chat_id,
    userId: row.user_id,
    runId: row.run_id,
    messageId: row.message_id,
    index: row.idx,
    name: row.name,
    input: readJson<JsonValue>(row.input),
    state: row.state,
    delivered: row.delivered === 1,
    createdAtMs: row.created_at,
    ...defined({
      daemonId: row.daemon_id,
      journalId: row.journal_id,
      result: readOptionalJson<ToolResult>(row.result),
      timeoutMs: row.timeout_ms,
      deadlineAtMs: row.deadline_at,
    }),
  };
}

/** The numbered change that tells of a call's state. */
export function toolCallUpdate(
  row: Pick<ToolCallRow, "id" | "message_id" | "name" | "daemon_id">,
  state: ToolCallState,
): NewChatUpdate {
  return {
    kind: "event",
    event: {
      kind: "tool_call",
      toolCallId: row.id,
      messageId: row.message_id,
      name: row.name,
      state,
      ...defined({ daemonId: row.daemon_id }),
    },
  };
}
