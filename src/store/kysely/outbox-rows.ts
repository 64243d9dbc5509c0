import { newId } from "../../core/ids.ts";
import type { OutboxEntry } from "../outbox.ts";
import type { Write } from "./database.ts";

/** What an engine must be told once the transaction stands. Answers the row's id. */
export async function addToOutbox(
  write: Write,
  kind: OutboxEntry["kind"],
  chatId: string,
  id = newId("out"),
): Promise<string> {
  await write.db
    .insertInto("outbox")
    .values({ id, kind, chat_id: chatId, created_at: write.nowMs, claimed_until: null })
    .execute();
  return id;
}
