import { sql } from "kysely";
import type { ChatEvent, UserEvent } from "../../chat/chat-update.ts";
import { ReliantError } from "../../core/errors.ts";
import type { ChatRow } from "./chat-rows.ts";
import type { Write } from "./database.ts";

/** A change of a chat on its way to its number. Messages are named: they stand in their own table. */
export type NewChatUpdate =
  | { readonly kind: "message"; readonly messageId: string }
  | { readonly kind: "event"; readonly event: Exclude<ChatEvent, { kind: "message" }> };

/** What else changes in the chat's row: written with its number, by the same statement. */
export type ChatChanges = Partial<
  Pick<ChatRow, "last_position" | "user_position" | "answer_position" | "run_id" | "updated_at">
>;

interface Numbered {
  readonly sequence: number;
  readonly user_id: string;
}

/**
 * Gives the changes the chat's next numbers. The lock on the chat's row is held from here to the commit, so the next
 * number is given only when this one stands: a reader that sees a number sees all smaller ones. Last in a transaction,
 * before the user's.
 */
export async function numberChatUpdates(
  write: Write,
  chatId: string,
  updates: readonly NewChatUpdate[],
  changes: ChatChanges = {},
): Promise<void> {
  if (updates.length === 0 && Object.keys(changes).length === 0) return;
  const number = write.driver === "postgres" ? numberAtOnce : numberInTurn;
  const chat = await number(write, chatId, updates.map(rowOf), changes);
  if (chat === undefined) throw new ReliantError("not_found", `chat ${chatId} is not there`);
  if (updates.length === 0) return;
  write.announce({ kind: "chat_sequence", userId: chat.user_id, chatId, sequence: chat.sequence });
}

interface UpdateRow {
  readonly message_id: string | null;
  readonly event: string | null;
}

function rowOf(update: NewChatUpdate): UpdateRow {
  return {
    message_id: update.kind === "message" ? update.messageId : null,
    event: update.kind === "message" ? null : JSON.stringify(update.event),
  };
}

/** One statement, the same for any number of changes: they travel as one parameter. */
function numberAtOnce(
  { db }: Write,
  chatId: string,
  rows: readonly UpdateRow[],
  changes: ChatChanges,
): Promise<Numbered | undefined> {
  const list = JSON.stringify(rows.map((row, index) => ({ ...row, behind: rows.length - 1 - index })));
  const item = sql<UpdateRow & { readonly behind: number }>`json_to_recordset(${list}::text::json)`.as<"item">(
    sql`item(message_id text, event text, behind bigint)`,
  );
  return db
    .with("numbered", (query) =>
      query
        .updateTable("chats")
        .set((row) => ({ ...changes, sequence: row("sequence", "+", rows.length) }))
        .where("id", "=", chatId)
        .returning(["id", "sequence", "user_id"]),
    )
    .with("noted", (query) =>
      query
        .insertInto("chat_updates")
        .columns(["chat_id", "sequence", "message_id", "event"])
        .expression((from) =>
          from
            .selectFrom("numbered")
            .crossJoin(item)
            .select((row) => [
              "numbered.id",
              row("numbered.sequence", "-", row.ref("item.behind")).as("sequence"),
              "item.message_id",
              "item.event",
            ]),
        ),
    )
    .selectFrom("numbered")
    .select(["sequence", "user_id"])
    .executeTakeFirst();
}

async function numberInTurn(
  { db }: Write,
  chatId: string,
  rows: readonly UpdateRow[],
  changes: ChatChanges,
): Promise<Numbered | undefined> {
  const chat = await db
    .updateTable("chats")
    .set((row) => ({ ...changes, sequence: row("sequence", "+", rows.length) }))
    .where("id", "=", chatId)
    .returning(["sequence", "user_id"])
    .executeTakeFirst();
  if (chat === undefined || rows.length === 0) return chat;
  const first = chat.sequence - rows.length + 1;
  await db
    .insertInto("chat_updates")
    .values(rows.map((row, index) => ({ ...row, chat_id: chatId, sequence: first + index })))
    .execute();
  return chat;
}

/** The same for the user's coarse updates: the very last in a transaction. */
export async function numberUserUpdate(write: Write, userId: string, event: UserEvent): Promise<void> {
  const number = write.driver === "postgres" ? numberUserAtOnce : numberUserInTurn;
  const sequence = await number(write, userId, JSON.stringify(event));
  if (sequence === undefined) throw new ReliantError("not_found", `user ${userId} is not there`);
  write.announce({ kind: "user_sequence", userId, sequence });
}

async function numberUserAtOnce({ db }: Write, userId: string, event: string): Promise<number | undefined> {
  const user = await db
    .with("numbered", (query) =>
      query
        .updateTable("users")
        .set((row) => ({ sequence: row("sequence", "+", 1) }))
        .where("id", "=", userId)
        .returning(["id", "sequence"]),
    )
    .with("noted", (query) =>
      query
        .insertInto("user_updates")
        .columns(["user_id", "sequence", "event"])
        .expression((from) =>
          from.selectFrom("numbered").select(["id", "sequence", sql<string>`${event}::text`.as("event")]),
        ),
    )
    .selectFrom("numbered")
    .select("sequence")
    .executeTakeFirst();
  return user?.sequence;
}

async function numberUserInTurn({ db }: Write, userId: string, event: string): Promise<number | undefined> {
  const user = await db
    .updateTable("users")
    .set((row) => ({ sequence: row("sequence", "+", 1) }))
    .where("id", "=", userId)
    .returning("sequence")
    .executeTakeFirst();
  if (user === undefined) return undefined;
  await db.insertInto("user_updates").values({ user_id: userId, sequence: user.sequence, event }).execute();
  return user.sequence;
}
