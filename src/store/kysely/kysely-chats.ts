import type { Chat } from "../../chat/message.ts";
import { ReliantError } from "../../core/errors.ts";
import type { Chats, NewChat } from "../chats.ts";
import type { Page } from "../projects.ts";
import { acceptMessage, type UserMessage } from "./accept-message.ts";
import { lockChatOf } from "./chat-lock.ts";
import { afterCursor, type ChatRow, selectChats, startedChat, toChat } from "./chat-rows.ts";
import { checkUserBlocks } from "./check-sizes.ts";
import { plainText } from "./columns.ts";
import { badCursor, pageSize, readCursor, rowLimit, writeCursor } from "./cursors.ts";
import type { Database, Write } from "./database.ts";
import { toMessages } from "./message-rows.ts";
import { numberUserUpdate } from "./numbers.ts";
import { requestCancel } from "./request-cancel.ts";

/** Chats as clients see and change them, over the database. */
export class KyselyChats implements Chats {
  constructor(private readonly database: Database) {}

  create(chat: NewChat): Promise<Chat> {
    return this.database.write("create chat", async (write) => {
      const made = await this.insertChat(write, chat);
      const there = await this.ownChat(write, chat);
      if (made !== undefined) await numberUserUpdate(write, chat.userId, { kind: "chat_changed", chatId: chat.id });
      return there;
    });
  }

  start(chat: NewChat, message: UserMessage) {
    checkUserBlocks(message.messageId, message.blocks);
    return this.database.write("start chat", async (write) => {
      const made = await this.insertChat(write, chat);
      if (made === undefined) {
        await this.ownChat(write, chat);
        const accepted = await acceptMessage(write, await lockChatOf(write, chat.userId, chat.id), message);
        return { ...accepted, chat: await this.ownChat(write, chat) };
      }
      const accepted = await acceptMessage(write, made, message);
      return { ...accepted, chat: startedChat(made, accepted.run) };
    });
  }

  async get(userId: string, chatId: string): Promise<Chat> {
    const row = await this.database.read("read chat", (db) =>
      selectChats(db).where("chats.id", "=", chatId).where("chats.user_id", "=", userId).executeTakeFirst(),
    );
    if (row === undefined) throw notFound(chatId);
    return toChat(row);
  }

  async list(query: Parameters<Chats["list"]>[0]): Promise<Page<Chat>> {
    const limit = pageSize(query.limit);
    const cursor = query.cursor === undefined ? undefined : chatCursor(query.cursor);
    const { projectId } = query;
    const rows = await this.database.read("list chats", (db) => {
      let select = selectChats(db).where("chats.user_id", "=", query.userId);
      if (projectId !== undefined) select = select.where("chats.project_id", "=", projectId);
      if (cursor !== undefined) select = select.where(afterCursor(cursor));
      return select
        .orderBy("chats.updated_at", "desc")
        .orderBy("chats.id", "desc")
        .limit(rowLimit(limit + 1))
        .execute();
    });
    const items = rows.slice(0, limit).map(toChat);
    const last = items.at(-1);
    if (rows.length <= limit || last === undefined) return { items };
    return { items, nextCursor: writeCursor([last.updatedAtMs, last.id]) };
  }

  sendMessage(message: Parameters<Chats["sendMessage"]>[0]) {
    checkUserBlocks(message.messageId, message.blocks);
    return this.database.write("send message", async (write) =>
      acceptMessage(write, await lockChatOf(write, message.userId, message.chatId), message),
    );
  }

  listMessages(query: Parameters<Chats["listMessages"]>[0]) {
    const limit = pageSize(query.limit);
    return this.database.snapshot("list messages", async (db) => {
      const chat = await db
        .selectFrom("chats")
        .select("sequence")
        .where("id", "=", query.chatId)
        .where("user_id", "=", query.userId)
        .executeTakeFirst();
      if (chat === undefined) throw notFound(query.chatId);
      const { afterPosition, beforePosition, newest = false } = query;
      const rows = await db
        .selectFrom("messages")
        .selectAll()
        .where("chat_id", "=", query.chatId)
        .where("position", ">", afterPosition)
        .$if(beforePosition !== undefined, (select) => select.where("position", "<", beforePosition ?? 0))
        .where("state", "!=", "open")
        .orderBy("position", newest ? "desc" : "asc")
        .limit(rowLimit(limit + 1))
        .execute();
      const page = rows.slice(0, limit);
      const messages = await toMessages(db, this.database.driver, newest ? page.reverse() : page);
      return { messages, sequence: chat.sequence, more: rows.length > limit };
    });
  }

  requestCancel(userId: string, chatId: string) {
    return this.database.write("cancel run", (write) => requestCancel(write, userId, chatId));
  }

  /** The row of a chat that this transaction has made; undefined: the id is taken. */
  private async insertChat(write: Write, chat: NewChat): Promise<ChatRow | undefined> {
    const { db, nowMs } = write;
    const row: ChatRow = {
      id: chat.id,
      user_id: chat.userId,
      project_id: await this.ownProject(write, chat.userId, chat.projectId),
      title: plainText(chat.title),
      model: chat.model,
      daemon_id: await this.ownDaemon(write, chat.userId, chat.daemonId),
      sequence: 0,
      ...{ last_position: 0, user_position: 0, answer_position: 0 },
      run_id: null,
      created_at: nowMs,
      updated_at: nowMs,
    };
    const inserted = await db
      .insertInto("chats")
      .values(row)
      .onConflict((conflict) => conflict.column("id").doNothing())
      .executeTakeFirst();
    return inserted.numInsertedOrUpdatedRows === 1n ? row : undefined;
  }

  private async ownChat({ db }: Write, chat: NewChat): Promise<Chat> {
    const row = await selectChats(db).where("chats.id", "=", chat.id).executeTakeFirstOrThrow();
    if (row.user_id !== chat.userId) {
      throw new ReliantError("already_exists", `create chat ${chat.id}: the id is taken; let the server make one`);
    }
    return toChat(row);
  }

  private async ownProject(write: Write, userId: string, projectId: string | undefined): Promise<string | null> {
    if (projectId === undefined) return null;
    const project = await write.db
      .selectFrom("projects")
      .select("id")
      .where("id", "=", projectId)
      .where("user_id", "=", userId)
      .executeTakeFirst();
    if (project === undefined) throw new ReliantError("not_found", `project ${projectId} is not there`);
    return project.id;
  }

  private async ownDaemon(write: Write, userId: string, daemonId: string | undefined): Promise<string | null> {
    if (daemonId === undefined) return null;
    const daemon = await write.db
      .selectFrom("daemons")
      .select("id")
      .where("id", "=", daemonId)
      .where("user_id", "=", userId)
      .executeTakeFirst();
    if (daemon === undefined) throw new ReliantError("not_found", `daemon ${daemonId} is not there`);
    return daemon.id;
  }
}

function chatCursor(cursor: string): { readonly updatedAt: number; readonly id: string } {
  const [updatedAt, id] = readCursor(cursor);
  if (typeof updatedAt !== "number" || typeof id !== "string") throw badCursor();
  return { updatedAt, id };
}

function notFound(chatId: string): ReliantError {
  return new ReliantError("not_found", `chat ${chatId} is not there`);
}
