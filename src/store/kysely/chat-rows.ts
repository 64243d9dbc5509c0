import { type Kysely, type Selectable, sql } from "kysely";
import type { Chat, Failure, Run } from "../../chat/message.ts";
import { defined, readOptionalJson } from "./columns.ts";
import type { Tables } from "./schema.ts";

export type ChatRow = Selectable<Tables["chats"]>;
export type RunRow = Selectable<Tables["runs"]>;

/** Chats with their newest run. */
export function selectChats(db: Kysely<Tables>) {
  return db
    .selectFrom("chats")
    .leftJoin("runs", "runs.id", "chats.run_id")
    .select([
      "chats.id",
      "chats.user_id",
      "chats.project_id",
      "chats.title",
      "chats.model",
      "chats.daemon_id",
      "chats.sequence",
      "chats.created_at",
      "chats.updated_at",
      "runs.id as run_id",
      "runs.state as run_state",
      "runs.cancel_requested as run_cancel_requested",
      "runs.model_calls as run_model_calls",
      "runs.error as run_error",
      "runs.started_at as run_started_at",
      "runs.ended_at as run_ended_at",
    ]);
}

type ChatWithRun = Awaited<ReturnType<ReturnType<typeof selectChats>["execute"]>>[number];

export function toChat(row: ChatWithRun): Chat {
  return {
    id: row.id,
    userId: row.user_id,
    title: row.title,
    model: row.model,
    sequence: row.sequence,
    createdAtMs: row.created_at,
    updatedAtMs: row.updated_at,
    ...defined({ projectId: row.project_id, daemonId: row.daemon_id, run: runOf(row) }),
  };
}

/** A chat that was made with its first message: that is its first number, the run the second. */
export function startedChat(row: ChatRow, run: Run): Chat {
  return {
    id: row.id,
    userId: row.user_id,
    title: row.title,
    model: row.model,
    sequence: 2,
    createdAtMs: row.created_at,
    updatedAtMs: row.updated_at,
    ...defined({ projectId: row.project_id, daemonId: row.daemon_id }),
    run,
  };
}

function runOf(row: ChatWithRun): Run | undefined {
  if (row.run_id === null || row.run_state === null || row.run_started_at === null) return undefined;
  return toRun({
    id: row.run_id,
    chat_id: row.id,
    state: row.run_state,
    cancel_requested: row.run_cancel_requested ?? 0,
    model_calls: row.run_model_calls ?? 0,
    error: row.run_error,
    started_at: row.run_started_at,
    ended_at: row.run_ended_at,
  });
}

export function toRun(row: Omit<RunRow, "cancel_position" | "answer_id">): Run {
  return {
    id: row.id,
    chatId: row.chat_id,
    state: row.state,
    cancelRequested: row.cancel_requested === 1,
    modelCalls: row.model_calls,
    startedAtMs: row.started_at,
    ...defined({ error: readOptionalJson<Failure>(row.error), endedAtMs: row.ended_at }),
  };
}

/** Chats that come after the cursor in the order newest change first: as a comparison of pairs, which the index answers. */
export function afterCursor(cursor: { readonly updatedAt: number; readonly id: string }) {
  return sql<boolean>`(chats.updated_at, chats.id) < (${cursor.updatedAt}, ${cursor.id})`;
}
