import { sql } from "kysely";
import type { UserEvent } from "../../chat/chat-update.ts";
import { ReliantError } from "../../core/errors.ts";
import type { Write } from "./database.ts";
import { idList } from "./id-lists.ts";

/** A user's coarse update on its way to its number. */
export interface NewUserUpdate {
  readonly userId: string;
  readonly event: UserEvent;
}

/**
 * Gives the updates of many users their next numbers, those of one user in their order: two statements for any number of
 * them. Postgres only. The users' rows are locked already, so that this waits for nobody; the very last in a transaction.
 */
export async function numberUserUpdates(write: Write, updates: readonly NewUserUpdate[]): Promise<void> {
  if (updates.length === 0) return;
  const { db, driver } = write;
  const byUser = Map.groupBy(updates, ({ userId }) => userId);
  const ids = [...byUser.keys()];
  const counts = JSON.stringify(ids.map((id) => ({ id, count: byUser.get(id)?.length ?? 0 })));
  const { rows } = await sql<{ id: string; sequence: number }>`
    update users set sequence = users.sequence + item.count
    from json_to_recordset(${counts}::text::json) as item(id text, count bigint)
    where users.id in ${idList(driver, ids)} and users.id = item.id
    returning users.id, users.sequence`.execute(db);
  const last = new Map(rows.map(({ id, sequence }) => [id, Number(sequence)]));
  const noted = [...byUser].flatMap(([userId, events]) => {
    const sequence = last.get(userId);
    if (sequence === undefined) throw new ReliantError("not_found", `user ${userId} is not there`);
    write.announce({ kind: "user_sequence", userId, sequence });
    const first = sequence - events.length + 1;
    return events.map(({ event }, index) => ({
      user_id: userId,
      sequence: first + index,
      event: JSON.stringify(event),
    }));
  });
  await sql`
    insert into user_updates (user_id, sequence, event)
    select item.user_id, item.sequence, item.event
    from json_to_recordset(${JSON.stringify(noted)}::text::json) as item(user_id text, sequence bigint, event text)`.execute(
    db,
  );
}
