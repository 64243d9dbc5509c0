import type { ChatEvent, UserEvent } from "../../chat/chat-update.ts";
import { ReliantError } from "../../core/errors.ts";
import type { Write } from "./database.ts";

/** A change of a chat on its way to its number. Messages are named: they stand in their own table. */
export type NewChatUpdate =
  | { readonly kind: "message"; readonly messageId: string }
  | { readonly kind: "event"; readonly event: Exclude<ChatEvent, { kind: "message" }> };

/**
 * Gives the changes the chat's next numbers. The lock on the chat's row is held from here to the commit, so the next
 * number is given only when this one stands: a reader that sees a number sees all smaller ones. Last in a transaction,
 * before the user's.
 */
export async function numberChatUpdates(
  write: Write,
  chatId: string,
  updates: readonly NewChatUpdate[],
): Promise<void> {
  if (updates.length === 0) return;
  const chat = await write.db
    .updateTable("chats")
    .set((row) => ({ sequence: row("sequence", "+", updates.length) }))
    .where("id", "=", chatId)
    .returning(["sequence", "user_id"])
    .executeTakeFirst();
  if (chat === undefined) throw new ReliantError("not_found", `chat ${chatId} is not there`);
  const first = chat.sequence - updates.length + 1;
  await write.db
    .insertInto("chat_updates")
    .values(
      updates.map((update, index) => ({
        chat_id: chatId,
        sequence: first + index,
        message_id: update.kind === "message" ? update.messageId : null,
        event: update.kind === "message" ? null : JSON.stringify(update.event),
      })),
    )
    .execute();
  write.announce({ kind: "chat_sequence", userId: chat.user_id, chatId, sequence: chat.sequence });
}

/** The same for the user's coarse updates: the very last in a transaction. */
export async function numberUserUpdate(write: Write, userId: string, event: UserEvent): Promise<void> {
  const user = await write.db
    .updateTable("users")
    .set((row) => ({ sequence: row("sequence", "+", 1) }))
    .where("id", "=", userId)
    .returning("sequence")
    .executeTakeFirst();
  if (user === undefined) throw new ReliantError("not_found", `user ${userId} is not there`);
  await write.db
    .insertInto("user_updates")
    .values({ user_id: userId, sequence: user.sequence, event: JSON.stringify(event) })
    .execute();
  write.announce({ kind: "user_sequence", userId, sequence: user.sequence });
}
