import { sql } from "kysely";
import type { ContentBlock, Message, Run } from "../../chat/message.ts";
import { ReliantError } from "../../core/errors.ts";
import { newId } from "../../core/ids.ts";
import { acceptAtOnce } from "./accept-message-postgres.ts";
import { type ChatRow, type RunRow, toRun } from "./chat-rows.ts";
import type { Write } from "./database.ts";
import { insertBlocks, type MessageRow, toMessage, toMessages } from "./message-rows.ts";
import { numberChatUpdates, numberUserUpdate } from "./numbers.ts";
import { addToOutbox } from "./outbox-rows.ts";
import { newRun, runChanges, runUpdate } from "./run-ending.ts";

export interface UserMessage {
  readonly messageId: string;
  readonly blocks: readonly ContentBlock[];
}

export interface Accepted {
  readonly message: Message;
  readonly run: Run;
  /** Undefined where the message was accepted before. */
  readonly outboxId?: string;
}

/** The chat as its lock has it. */
export type LockedChat = Pick<ChatRow, "id" | "user_id" | "run_id" | "last_position">;

/** What is written of a message. */
export interface Acceptance {
  readonly row: MessageRow;
  readonly blocks: readonly ContentBlock[];
  /** The run that begins with it; undefined where one is under way. */
  readonly began: RunRow | undefined;
  readonly outboxId: string;
}

/** A user's message in a chat that this transaction has locked or made: last in it. Once more: what was accepted before. */
export async function acceptMessage(write: Write, chat: LockedChat, message: UserMessage): Promise<Accepted> {
  const sentBefore = await findSent(write, chat.id, message.messageId);
  if (sentBefore !== undefined) return sentBefore;
  const underWay = await runUnderWay(write, chat);
  const began = underWay === undefined ? newRun(chat.id, write.nowMs) : undefined;
  const run = underWay ?? began;
  if (run === undefined) throw new ReliantError("internal", "accept a message: there is no run");
  const row: MessageRow = {
    ...{ id: message.messageId, chat_id: chat.id, run_id: run.id, position: chat.last_position + 1, role: "user" },
    ...{ state: "complete", model: null, usage: null, error: null, attempt: 0, created_at: write.nowMs },
  };
  const outboxId = newId("out");
  const accept = write.driver === "postgres" ? acceptAtOnce : acceptInTurn;
  await accept(write, chat, { row, blocks: message.blocks, began, outboxId });
  return { message: toMessage(row, message.blocks), run: toRun(run), outboxId };
}

async function acceptInTurn(
  write: Write,
  chat: LockedChat,
  { row, blocks, began, outboxId }: Acceptance,
): Promise<void> {
  const { db, nowMs } = write;
  if (began !== undefined) await db.insertInto("runs").values(began).execute();
  await db.insertInto("messages").values(row).execute();
  await insertBlocks(db, row.id, blocks);
  await addToOutbox(write, "wake", chat.id, outboxId);
  const places = { last_position: row.position, user_position: row.position, updated_at: nowMs };
  const run = began === undefined ? undefined : toRun(began);
  await numberChatUpdates(
    write,
    chat.id,
    [{ kind: "message", messageId: row.id }, ...(run === undefined ? [] : [runUpdate(run)])],
    run === undefined ? places : { ...runChanges(run), ...places },
  );
  if (run !== undefined) await numberUserUpdate(write, chat.user_id, { kind: "chat_changed", chatId: chat.id });
}

function runUnderWay({ db }: Write, chat: LockedChat): Promise<RunRow | undefined> {
  if (chat.run_id === null) return Promise.resolve(undefined);
  return db
    .selectFrom("runs")
    .selectAll()
    .where("id", "=", chat.run_id)
    .where(sql<boolean>`state = 'running'`)
    .executeTakeFirst();
}

/** The message that was sent under this id before, with the run that took it up. */
async function findSent({ db, driver }: Write, chatId: string, messageId: string): Promise<Accepted | undefined> {
  const row = await db.selectFrom("messages").selectAll().where("id", "=", messageId).executeTakeFirst();
  if (row === undefined) return undefined;
  if (row.chat_id !== chatId || row.role !== "user") {
    throw new ReliantError("already_exists", `send message ${messageId}: the id is taken; let the server make one`);
  }
  const run = await db.selectFrom("runs").selectAll().where("id", "=", row.run_id).executeTakeFirstOrThrow();
  const [message] = await toMessages(db, driver, [row]);
  return message === undefined ? undefined : { message, run: toRun(run) };
}
