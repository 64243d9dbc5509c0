import { sql } from "kysely";
import type { Failure } from "../../chat/message.ts";
import type { AnswerFence, Turns } from "../turns.ts";
import { findChatOf } from "./chat-lock.ts";
import { writeJson } from "./columns.ts";
import type { Write } from "./database.ts";
import { type NewChatUpdate, numberChatUpdates } from "./numbers.ts";

/** The failure of an attempt as its row has it, with the time before which the provider wants not to be asked again. */
export interface NotedFailure extends Failure {
  readonly retryAtMs?: number;
}

/** Notes the attempt's end where its fence holds, and numbers the wait that follows. */
export async function noteAttempt(
  write: Write,
  fence: AnswerFence,
  { usage, error, retryAtMs }: Parameters<Turns["noteAttempt"]>[1],
): Promise<void> {
  const { db, nowMs } = write;
  const chat = retryAtMs === undefined ? undefined : await findChatOf(write, "messages", fence.messageId);
  const noted: NotedFailure = { ...error, ...(retryAtMs === undefined ? {} : { retryAtMs }) };
  const { numUpdatedRows } = await db
    .updateTable("model_attempts")
    .set({ usage: writeJson(usage), error: writeJson(noted), ended_at: nowMs })
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

/** The wait for a provider, on its way to its number. */
export function waitingUpdate(fence: AnswerFence, { code, message }: Failure, untilMs: number): NewChatUpdate {
  return { kind: "event", event: { kind: "provider_waiting", ...fence, untilMs, reason: { code, message } } };
}
