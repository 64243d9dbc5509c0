import type {
  ChatEvent,
  ChatUpdate,
  LiveBlock,
  ProviderWait,
  ToolOutputChunk,
  UserEvent,
  UserUpdate,
} from "../../chat/chat-update.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { DeferredWrites } from "../deferred-writes.ts";
import type { Updates } from "../updates.ts";
import { readJson, readOptionalJson } from "./columns.ts";
import { rowLimit } from "./cursors.ts";
import type { Database } from "./database.ts";
import { idList } from "./id-lists.ts";
import { toMessages } from "./message-rows.ts";
import type { NotedFailure } from "./note-attempt.ts";

/** What streams read, over the database. */
export class KyselyUpdates implements Updates {
  constructor(
    private readonly database: Database,
    private readonly deferred: DeferredWrites,
  ) {}

  chatUpdates(chatId: string, afterSequence: number, limit: number): Promise<readonly ChatUpdate[]> {
    const { driver } = this.database;
    return this.database.read("read chat updates", async (db) => {
      const rows = await db
        .selectFrom("chat_updates")
        .select(["sequence", "message_id", "event"])
        .where("chat_id", "=", chatId)
        .where("sequence", ">", afterSequence)
        .orderBy("sequence")
        .limit(rowLimit(Math.min(limit, LIMITS.updatePage)))
        .execute();
      // Messages that were numbered are as they stay: read now, they are what they were then.
      const ids = rows.flatMap(({ message_id }) => (message_id === null ? [] : [message_id]));
      const messageRows =
        ids.length === 0
          ? []
          : await db.selectFrom("messages").selectAll().where("id", "in", idList(driver, ids)).execute();
      const messages = new Map((await toMessages(db, driver, messageRows)).map((message) => [message.id, message]));
      return rows.map(({ sequence, message_id, event }) => {
        if (event !== null) return { chatId, sequence, event: readJson<ChatEvent>(event) };
        const message = messages.get(message_id ?? "");
        if (message === undefined) throw new ReliantError("internal", `update ${sequence} of ${chatId} is empty`);
        return { chatId, sequence, event: { kind: "message", message } };
      });
    });
  }

  async userUpdates(userId: string, afterSequence: number, limit: number): Promise<readonly UserUpdate[]> {
    const rows = await this.database.read("read user updates", (db) =>
      db
        .selectFrom("user_updates")
        .select(["sequence", "event"])
        .where("user_id", "=", userId)
        .where("sequence", ">", afterSequence)
        .orderBy("sequence")
        .limit(rowLimit(Math.min(limit, LIMITS.updatePage)))
        .execute(),
    );
    return rows.map(({ sequence, event }) => ({ userId, sequence, event: readJson<UserEvent>(event) }));
  }

  async liveBlocks(chatId: string): Promise<readonly LiveBlock[]> {
    const rows = await this.database.read("read live text", (db) =>
      db
        .selectFrom("live_blocks")
        .innerJoin("messages", (join) =>
          join
            .onRef("messages.id", "=", "live_blocks.message_id")
            .onRef("messages.attempt", "=", "live_blocks.attempt"),
        )
        .select("live_blocks.body")
        .where("live_blocks.chat_id", "=", chatId)
        .where("messages.state", "=", "open")
        .orderBy("live_blocks.message_id")
        .orderBy("live_blocks.idx")
        .execute(),
    );
    return rows.map(({ body }) => readJson<LiveBlock>(body));
  }

  async providerWait(chatId: string): Promise<ProviderWait | undefined> {
    const row = await this.database.read("read wait for the provider", (db) =>
      db
        .selectFrom("chats")
        .innerJoin("messages", (join) =>
          join.onRef("messages.chat_id", "=", "chats.id").onRef("messages.position", "=", "chats.answer_position"),
        )
        .innerJoin("model_attempts", (join) =>
          join
            .onRef("model_attempts.message_id", "=", "messages.id")
            .onRef("model_attempts.attempt", "=", "messages.attempt"),
        )
        .select(["messages.id", "messages.attempt", "model_attempts.error"])
        .where("chats.id", "=", chatId)
        .where("messages.state", "=", "open")
        .executeTakeFirst(),
    );
    const noted = readOptionalJson<NotedFailure>(row?.error ?? null);
    if (row === undefined || noted?.retryAtMs === undefined || noted.retryAtMs <= this.database.clock.now())
      return undefined;
    const { code, message, retryAtMs: untilMs } = noted;
    return { chatId, messageId: row.id, attempt: row.attempt, untilMs, reason: { code, message } };
  }

  async liveOutput(chatId: string): Promise<readonly ToolOutputChunk[]> {
    const rows = await this.database.read("read live output", (db) =>
      db
        .selectFrom("live_outputs")
        .innerJoin("tool_calls", "tool_calls.id", "live_outputs.tool_call_id")
        .select("live_outputs.body")
        .where("live_outputs.chat_id", "=", chatId)
        .where("tool_calls.state", "=", "running")
        .orderBy("live_outputs.tool_call_id")
        .execute(),
    );
    return rows.map(({ body }) => readJson<ToolOutputChunk>(body));
  }

  saveLiveOutput(chunk: ToolOutputChunk): void {
    this.deferred.saveLiveOutput(chunk);
  }

  lastSequences(of: { readonly userIds: readonly string[]; readonly chatIds: readonly string[] }) {
    const { driver } = this.database;
    return this.database.read("read last numbers", async (db) => {
      const numbersOf = async (table: "users" | "chats", ids: readonly string[]) =>
        ids.length === 0
          ? []
          : db.selectFrom(table).select(["id", "sequence"]).where("id", "in", idList(driver, ids)).execute();
      const users = await numbersOf("users", of.userIds);
      const chats = await numbersOf("chats", of.chatIds);
      const toMap = (rows: readonly { readonly id: string; readonly sequence: number }[]) =>
        new Map(rows.map(({ id, sequence }) => [id, sequence]));
      return { users: toMap(users), chats: toMap(chats) };
    });
  }
}
