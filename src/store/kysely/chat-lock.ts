import { type RawBuilder, sql } from "kysely";
import type { LoopView } from "../../chat/loop-view.ts";
import { ReliantError } from "../../core/errors.ts";
import type { ChatRow } from "./chat-rows.ts";
import type { Write } from "./database.ts";
import { readLoopView } from "./loop-view-query.ts";

/** Locks the chat's row until the commit: from here on this transaction sees all that others did to the chat, and they wait. */
export async function lockChat(write: Write, chatId: string): Promise<ChatRow> {
  const chat = await findAndLockChat(write, chatId);
  if (chat === undefined) throw new ReliantError("not_found", `chat ${chatId} is not there`);
  return chat;
}

/** The same for the chat of a message or a run; undefined: it is not there. */
export function findChatOf(write: Write, table: "messages" | "runs", id: string): Promise<ChatRow | undefined> {
  return findAndLockChat(write, sql<string>`(select chat_id from ${sql.table(table)} where id = ${id})`);
}

/** The same for a user's chat: another user's is not there. */
export async function lockChatOf(write: Write, userId: string, chatId: string): Promise<ChatRow> {
  const chat = await findAndLockChat(write, chatId);
  if (chat === undefined || chat.user_id !== userId) {
    throw new ReliantError("not_found", `chat ${chatId} is not there`);
  }
  return chat;
}

/** The view inside the transaction that holds the chat's lock. */
export async function viewOf(write: Write, chatId: string): Promise<LoopView> {
  const view = await readLoopView(write.db, chatId);
  if (view === undefined) throw new ReliantError("not_found", `chat ${chatId} is not there`);
  return view;
}

function findAndLockChat(write: Write, chatId: string | RawBuilder<string>): Promise<ChatRow | undefined> {
  return write.db
    .selectFrom("chats")
    .selectAll()
    .where("id", "=", chatId)
    .$if(write.driver === "postgres", (query) => query.forNoKeyUpdate())
    .executeTakeFirst();
}
