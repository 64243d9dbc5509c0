import type { Kysely } from "kysely";
import { decide } from "../../chat/agent-loop.ts";
import type { LoopView } from "../../chat/loop-view.ts";
import type { Failure } from "../../chat/message.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { BeginAnswer, Turns } from "../turns.ts";
import { findChatOf, viewOf } from "./chat-lock.ts";
import { type ChatRow, selectChats, toChat } from "./chat-rows.ts";
import { defined, readOptionalJson, writeJson } from "./columns.ts";
import type { Driver, Write } from "./database.ts";
import { toMessages } from "./message-rows.ts";
import { type NotedFailure, waitingUpdate } from "./note-attempt.ts";
import { type ChatChanges, type NewChatUpdate, numberChatUpdates } from "./numbers.ts";
import type { Tables } from "./schema.ts";
import { settleAnswer } from "./settle-answer.ts";

type Wanted = Parameters<Turns["beginAnswer"]>[0];

interface Begun {
  readonly kind: "begun";
  readonly chatId: string;
  readonly attempt: number;
  readonly asked: number;
  readonly position: number;
  readonly notBeforeMs?: number;
}

/** Takes the fence, if asking the model is what the chat needs now and under this id. */
export async function beginAnswer(
  write: Write,
  wanted: Wanted,
): Promise<Begun | { readonly kind: "settled"; readonly view: LoopView }> {
  const chat = await findChatOf(write, "runs", wanted.runId);
  if (chat === undefined) throw new ReliantError("not_found", `begin answer: run ${wanted.runId} is not there`);
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
  return noteBegin(
    write,
    chat,
    wanted,
    { attempt: 1, asked: 1, position },
    { last_position: position, answer_position: position },
  );
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
  const made = await attemptsMade(write, wanted.messageId);
  const stops = made.filter((noted) => noted?.stopped === true).length;
  const asked = message.attempt - Math.min(stops, LIMITS.modelStops);
  if (asked >= LIMITS.modelAttempts) {
    const error = tooManyAttempts(made, asked);
    const fence = { messageId: wanted.messageId, attempt: message.attempt };
    const updates = await settleAnswer(write, chat, fence, { state: "failed", blocks: [], error });
    await numberChatUpdates(write, chat.id, updates ?? []);
    return undefined;
  }
  const attempt = message.attempt + 1;
  // The writer that goes on after its own attempt has waited itself.
  const waiting = wanted.after === undefined ? waitOf(made.at(-1), write.nowMs) : undefined;
  await db.updateTable("messages").set({ attempt }).where("id", "=", wanted.messageId).execute();
  await db.deleteFrom("live_blocks").where("message_id", "=", wanted.messageId).execute();
  return noteBegin(write, chat, wanted, { attempt, asked: asked + 1, position: message.position, waiting });
}

/** How each attempt at the answer ended, in their order; undefined: it did not, or nobody lived to tell. */
async function attemptsMade({ db }: Write, messageId: string): Promise<readonly (NotedFailure | undefined)[]> {
  const rows = await db
    .selectFrom("model_attempts")
    .select("error")
    .where("message_id", "=", messageId)
    .orderBy("attempt")
    .execute();
  return rows.map(({ error }) => readOptionalJson<NotedFailure>(error));
}

/** How the attempt before ended, where its provider does not want to be asked again yet. */
function waitOf(noted: NotedFailure | undefined, nowMs: number): NotedFailure | undefined {
  if (noted?.retryAtMs === undefined || noted.retryAtMs <= nowMs) return undefined;
  const { stopped: _, ...waiting } = noted;
  return waiting;
}

async function noteBegin(
  write: Write,
  chat: ChatRow,
  wanted: Wanted,
  {
    attempt,
    asked,
    position,
    waiting,
  }: Pick<Begun, "attempt" | "asked" | "position"> & { readonly waiting?: NotedFailure | undefined },
  changes: ChatChanges = {},
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
      // A wait goes on, whoever takes it over.
      ...{ usage: null, error: writeJson(waiting), started_at: nowMs, ended_at: null },
    })
    .execute();
  const begun = { messageId: wanted.messageId, attempt };
  const updates: NewChatUpdate[] = [{ kind: "event", event: { kind: "attempt_started", ...begun } }];
  if (waiting?.retryAtMs !== undefined) updates.push(waitingUpdate(begun, waiting, waiting.retryAtMs));
  await numberChatUpdates(write, chat.id, updates, changes);
  return { kind: "begun", chatId: chat.id, attempt, asked, position, ...defined({ notBeforeMs: waiting?.retryAtMs }) };
}

function tooManyAttempts(made: readonly (NotedFailure | undefined)[], asked: number): Failure {
  const error = made.findLast((noted) => noted !== undefined && noted.stopped !== true);
  const message = `the model was asked ${asked} times without an answer that could be kept`;
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
  const chat = await selectChats(db)
    .leftJoin("projects", "projects.id", "chats.project_id")
    .select("projects.path as project_path")
    .where("chats.id", "=", begun.chatId)
    .executeTakeFirstOrThrow();
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
    asked: begun.asked,
    chat: toChat(chat),
    messages: await toMessages(db, driver, rows),
    ...defined({ projectPath: chat.project_path, notBeforeMs: begun.notBeforeMs }),
  };
}
