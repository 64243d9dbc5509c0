import { type Kysely, sql } from "kysely";
import type { LoopView } from "../../chat/loop-view.ts";
import type { Failure } from "../../chat/message.ts";
import { defined, readOptionalJson } from "./columns.ts";
import type { Tables } from "./schema.ts";

/**
 * The view of a chat, in one query by primary keys: one row a tool call of the newest answer. Inside a transaction that
 * holds the chat's lock it sees all that was committed before. Undefined: there is no such chat.
 */
export async function readLoopView(db: Kysely<Tables>, chatId: string): Promise<LoopView | undefined> {
  const rows = await db
    .selectFrom("chats")
    .leftJoin("runs", (join) => join.onRef("runs.id", "=", "chats.run_id").on(sql<boolean>`runs.state = 'running'`))
    .leftJoin("messages", "messages.id", "runs.answer_id")
    .leftJoin("tool_calls", "tool_calls.message_id", "messages.id")
    .select([
      "chats.user_position",
      "chats.answer_position",
      "runs.id as run_id",
      "runs.cancel_requested",
      "runs.model_calls",
      "messages.id as message_id",
      "messages.state",
      "messages.error",
      "tool_calls.id as tool_call_id",
      "tool_calls.delivered",
    ])
    .where("chats.id", "=", chatId)
    .orderBy("tool_calls.idx")
    .execute();
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    chatId,
    unanswered: row.user_position > row.answer_position,
    ...defined({ run: runOf(row), answer: answerOf(rows) }),
  };
}

function runOf(row: {
  readonly run_id: string | null;
  readonly cancel_requested: number | null;
  readonly model_calls: number | null;
}): LoopView["run"] {
  if (row.run_id === null) return undefined;
  return { id: row.run_id, cancelRequested: row.cancel_requested === 1, modelCalls: row.model_calls ?? 0 };
}

function answerOf(
  rows: readonly {
    readonly message_id: string | null;
    readonly state: Tables["messages"]["state"] | null;
    readonly error: string | null;
    readonly tool_call_id: string | null;
    readonly delivered: number | null;
  }[],
): LoopView["answer"] {
  const [row] = rows;
  if (row === undefined || row.message_id === null || row.state === null) return undefined;
  const calls = rows.flatMap(({ tool_call_id, delivered }) =>
    tool_call_id === null ? [] : [{ id: tool_call_id, open: delivered === 0 }],
  );
  return {
    messageId: row.message_id,
    state: row.state,
    openToolCallIds: calls.filter(({ open }) => open).map(({ id }) => id),
    hasToolCalls: calls.length > 0,
    ...defined({ error: readOptionalJson<Failure>(row.error) }),
  };
}
