import type { Decision } from "../../chat/agent-loop.ts";
import type { Run } from "../../chat/message.ts";
import { newId } from "../../core/ids.ts";
import { type RunRow, toRun } from "./chat-rows.ts";
import { writeJson } from "./columns.ts";
import type { Write } from "./database.ts";
import type { ChatChanges, NewChatUpdate } from "./numbers.ts";

export type RunEnd = Omit<Extract<Decision, { kind: "end_run" }>, "kind">;

/** The row of a new run of a chat that has none under way. The chat's row is to name it: {@link runChanges}. */
export function newRun(chatId: string, nowMs: number): RunRow {
  return {
    id: newId("run"),
    chat_id: chatId,
    state: "running",
    cancel_requested: 0,
    cancel_position: null,
    model_calls: 0,
    answer_id: null,
    error: null,
    started_at: nowMs,
    ended_at: null,
  };
}

export async function startRun(write: Write, chatId: string): Promise<Run> {
  const row = newRun(chatId, write.nowMs);
  await write.db.insertInto("runs").values(row).execute();
  return toRun(row);
}

/** What a new run changes in its chat's row. */
export function runChanges(run: Run): ChatChanges {
  return { run_id: run.id, updated_at: run.startedAtMs };
}

/**
 * Ends a run that is under way, of a chat that is locked and whose row is to have a new `updated_at`. Answers the change
 * to number; undefined where it had ended.
 */
export async function endRunRow(write: Write, end: RunEnd): Promise<NewChatUpdate | undefined> {
  const row = await write.db
    .updateTable("runs")
    .set({ state: end.outcome, error: writeJson(end.error), ended_at: write.nowMs })
    .where("id", "=", end.runId)
    .where("state", "=", "running")
    .returningAll()
    .executeTakeFirst();
  return row === undefined ? undefined : runUpdate(toRun(row));
}

export function runUpdate(run: Run): Extract<NewChatUpdate, { kind: "event" }> {
  return { kind: "event", event: { kind: "run", run } };
}
