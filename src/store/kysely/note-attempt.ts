import { sql } from "kysely";
import type { Failure, Usage } from "../../chat/message.ts";
import type { AnswerFence, Turns } from "../turns.ts";
import { findChatOf } from "./chat-lock.ts";
import { readOptionalJson, writeJson } from "./columns.ts";
import type { Write } from "./database.ts";
import { type NewChatUpdate, numberChatUpdates } from "./numbers.ts";

/** The failure of an attempt as its row has it, with the time before which the provider wants not to be asked again. */
export interface NotedFailure extends Failure {
  readonly retryAtMs?: number;
  /** Its process stopped: the attempt does not count. */
  readonly stopped?: true;
}

/** Notes the attempt's end where its fence holds, and numbers the wait that follows. */
export async function noteAttempt(
  write: Write,
  fence: AnswerFence,
  { usage, error, retryAtMs, stopped }: Parameters<Turns["noteAttempt"]>[1],
): Promise<void> {
  const { db, nowMs } = write;
  const chat = retryAtMs === undefined ? undefined : await findChatOf(write, "messages", fence.messageId);
  const noted: NotedFailure =
    stopped === true
      ? { ...error, ...(await takenOver(write, fence)), stopped }
      : { ...error, ...(retryAtMs === undefined ? {} : { retryAtMs }) };
  const { numUpdatedRows } = await db
    .updateTable("model_attempts")
    .set({ ...(usage === undefined ? {} : { usage: writeJson(usage) }), error: writeJson(noted), ended_at: nowMs })
    .where("message_id", "=", fence.messageId)
    .where("attempt", "=", fence.attempt)
    .where("ended_at", "is", null)
    .where((builder) =>
      builder.exists(
        builder
          .selectFrom("messages")
          .select("id")
          .where("id", "=", fence.messageId)
          .where("attempt", "=", fence.attempt)
          .where(sql<boolean>`state = 'open'`),
      ),
    )
    .executeTakeFirst();
  if (chat === undefined || retryAtMs === undefined || numUpdatedRows !== 1n) return;
  await numberChatUpdates(write, chat.id, [waitingUpdate(fence, error, retryAtMs)]);
}

/** Notes what is known of the attempt's usage while it is under way. */
export async function noteUsage({ db }: Write, fence: AnswerFence, usage: Usage): Promise<void> {
  await db
    .updateTable("model_attempts")
    .set({ usage: writeJson(usage) })
    .where("message_id", "=", fence.messageId)
    .where("attempt", "=", fence.attempt)
    .where("ended_at", "is", null)
    .execute();
}

/** The wait that an attempt began with, which stands in its row. */
async function takenOver({ db }: Write, fence: AnswerFence): Promise<NotedFailure | undefined> {
  const row = await db
    .selectFrom("model_attempts")
    .select("error")
    .where("message_id", "=", fence.messageId)
    .where("attempt", "=", fence.attempt)
    .executeTakeFirst();
  return readOptionalJson<NotedFailure>(row?.error ?? null);
}

/** The wait for a provider, on its way to its number. */
export function waitingUpdate(fence: AnswerFence, { code, message }: Failure, untilMs: number): NewChatUpdate {
  return { kind: "event", event: { kind: "provider_waiting", ...fence, untilMs, reason: { code, message } } };
}
