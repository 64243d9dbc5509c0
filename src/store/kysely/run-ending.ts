import type { Decision } from "../../chat/agent-loop.ts";
import type { Run } from "../../chat/message.ts";
import { newId } from "../../core/ids.ts";
import { type RunRow, toRun } from "./chat-rows.ts";
import { writeJson } from "./columns.ts";
import type { Write } from "./database.ts";
import type { NewChatUpdate } from "./numbers.ts";

export type RunEnd = Omit<Extract<Decision, { kind: "end_run" }>, "kind">;

/** A new run of the chat, which is locked and has none under way. */
export async function startRun(write: Write, chatId: string): Promise<Run> {
  const row: RunRow = {
    id: newId("run"),
    chat_id: chatId,
    state: "running",
    cancel_requested: 0,
    cancel_position: null,
    model_calls: 0,
    answer_id: null,
    error: null,
    started_at: write.nowMs,
    ended_at: null,
  };
  await write.db.insertInto("runs").values(row).execute();
  await write.db
    .updateTable("chats")
    .set({ run_id: row.id, updated_at: write.nowMs })
    .where("id", "=", chatId)
    .execute();
  return toRun(row);
}

/** Ends a run that is under way, of a chat that is locked. Answers the change to number; undefined where it had ended. */
export async function endRunRow(write: Write, chatId: string, end: RunEnd): Promise<NewChatUpdate | undefined> {
  const row = await write.db
    .updateTable("runs")
    .set({ state: end.outcome, error: writeJson(end.error), ended_at: write.nowMs })
    .where("id", "=", end.runId)
    .where("state", "=", "running")
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) return undefined;
  await write.db.updateTable("chats").set({ updated_at: write.nowMs }).where("id", "=", chatId).execute();
  return runUpdate(toRun(row));
}

export function runUpdate(run: Run): NewChatUpdate {
  return { kind: "event", event: { kind: "run", run } };
}
