import type { Kysely } from "kysely";
import { decide } from "../../chat/agent-loop.ts";
import type { LoopView } from "../../chat/loop-view.ts";
import type { Failure } from "../../chat/message.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { BeginAnswer, Turns } from "../turns.ts";
import { lockChat, viewOf } from "./chat-lock.ts";
import { type ChatRow, selectChats, toChat } from "./chat-rows.ts";
import { defined, readOptionalJson } from "./columns.ts";
import type { Driver, Write } from "./database.ts";
import { toMessages } from "./message-rows.ts";
import { numberChatUpdates } from "./numbers.ts";
import type { Tables } from "./schema.ts";
import { settleAnswer } from "./settle-answer.ts";

type Wanted = Parameters<Turns["beginAnswer"]>[0];

interface Begun {
  readonly kind: "begun";
  readonly chatId: string;
  readonly attempt: number;
  readonly position: number;
}

/** Takes the fence, if asking the model is what the chat needs now and under this id. */
export async function beginAnswer(
  write: Write,
  wanted: Wanted,
): Promise<Begun | { readonly kind: "settled"; readonly view: LoopView }> {
  const run = await write.db.selectFrom("runs").select("chat_id").where("id", "=", wanted.runId).executeTakeFirst();
  if (run === undefined) throw new ReliantError("not_found", `begin answer: run ${wanted.runId} is not there`);
  const chat = await lockChat(write, run.chat_id);
  const view = await viewOf(write, chat.id);
  const decision = decide(view);
  if (decision.kind !== "call_model" || decision.runId !== wanted.runId) return { kind: "settled", view };
  // Another answer is open: it is to be written to its end first.
  if (decision.messageId !== undefined && decision.messageId !== wanted.messageId) return { kind: "settled", view };
  const begun =
    decision.messageId === undefined ? await firstAttempt(write, chat, wanted) : await nextAttempt(write, chat, wanted);
  return begun ?? { kind: "settled", view: await viewOf(write, chat.id) };
}

async function firstAttempt(write: Write, chat: ChatRow, wanted: Wanted): Promise<Begun | undefined> {
  const { db, nowMs } = write;
  const position = chat.last_position + 1;
  const { numInsertedOrUpdatedRows } = await db
    .insertInto("messages")
    .values({
      ...{ id: wanted.messageId, chat_id: chat.id, run_id: wanted.runId, position, role: "assistant", state: "open" },
      ...{ model: chat.model, usage: null, error: null, attempt: 1, created_at: nowMs },
    })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .executeTakeFirst();
  // The id stands for an answer that was given before: whoever asks is late.
  if (numInsertedOrUpdatedRows !== 1n) return undefined;
  await db
    .updateTable("chats")
    .set({ last_position: position, answer_position: position })
    .where("id", "=", chat.id)
    .execute();
  return noteBegin(write, chat, wanted, { attempt: 1, position });
}

/** One attempt more; undefined where there were too many (the answer is failed then), or where somebody else took over. */
async function nextAttempt(write: Write, chat: ChatRow, wanted: Wanted): Promise<Begun | undefined> {
  const { db } = write;
  const message = await db
    .selectFrom("messages")
    .select(["attempt", "position"])
    .where("id", "=", wanted.messageId)
    .executeTakeFirstOrThrow();
  if (wanted.after !== undefined && wanted.after !== message.attempt) return undefined;
  if (message.attempt >= LIMITS.modelAttempts) {
    const error = await tooManyAttempts(db, wanted.messageId, message.attempt);
    const fence = { messageId: wanted.messageId, attempt: message.attempt };
    const updates = await settleAnswer(write, chat, fence, { state: "failed", blocks: [], error });
    await numberChatUpdates(write, chat.id, updates ?? []);
    return undefined;
  }
  const attempt = message.attempt + 1;
  await db.updateTable("messages").set({ attempt }).where("id", "=", wanted.messageId).execute();
  await db.deleteFrom("live_blocks").where("message_id", "=", wanted.messageId).execute();
  return noteBegin(write, chat, wanted, { attempt, position: message.position });
}

async function noteBegin(
  write: Write,
  chat: ChatRow,
  wanted: Wanted,
  { attempt, position }: { readonly attempt: number; readonly position: number },
): Promise<Begun> {
  const { db, nowMs } = write;
  await db
    .updateTable("runs")
    .set((run) => ({ model_calls: run("model_calls", "+", 1), answer_id: wanted.messageId }))
    .where("id", "=", wanted.runId)
    .execute();
  await db
    .insertInto("model_attempts")
    .values({
      ...{ message_id: wanted.messageId, attempt, run_id: wanted.runId },
      ...{ usage: null, error: null, started_at: nowMs, ended_at: null },
    })
    .execute();
  await numberChatUpdates(write, chat.id, [
    { kind: "event", event: { kind: "attempt_started", messageId: wanted.messageId, attempt } },
  ]);
  return { kind: "begun", chatId: chat.id, attempt, position };
}

async function tooManyAttempts(db: Kysely<Tables>, messageId: string, attempts: number): Promise<Failure> {
  const last = await db
    .selectFrom("model_attempts")
    .select("error")
    .where("message_id", "=", messageId)
    .where("error", "is not", null)
    .orderBy("attempt", "desc")
    .executeTakeFirst();
  const error = readOptionalJson<Failure>(last?.error ?? null);
  const message = `the model was asked ${attempts} times without an answer that could be kept`;
  return {
    code: error?.code ?? "provider_failed",
    message: error === undefined ? message : `${message}: ${error.message}`,
  };
}

/** What the model is asked with: the chat, its project's folder, and the messages before the answer. */
export async function readBegun(
  db: Kysely<Tables>,
  driver: Driver,
  begun: Begun,
): Promise<Extract<BeginAnswer, { kind: "begun" }>> {
  const chat = await selectChats(db).where("chats.id", "=", begun.chatId).executeTakeFirstOrThrow();
  const project =
    chat.project_id === null
      ? undefined
      : await db.selectFrom("projects").select("path").where("id", "=", chat.project_id).executeTakeFirst();
  const rows = await db
    .selectFrom("messages")
    .selectAll()
    .where("chat_id", "=", begun.chatId)
    .where("position", "<", begun.position)
    .where("state", "!=", "open")
    .orderBy("position")
    .execute();
  return {
    kind: "begun",
    attempt: begun.attempt,
    chat: toChat(chat),
    messages: await toMessages(db, driver, rows),
    ...defined({ projectPath: project?.path }),
  };
}
