import { LIMITS } from "../../core/limits.ts";
import type { Outbox, OutboxEntry } from "../outbox.ts";
import type { Database } from "./database.ts";
import { idList } from "./id-lists.ts";

/** The outbox over the database. Claimers pass over the rows that another one has locked at the moment. */
export class KyselyOutbox implements Outbox {
  constructor(private readonly database: Database) {}

  claim(nowMs: number, limit: number): Promise<readonly OutboxEntry[]> {
    return this.database.write("claim outbox", async ({ db, driver }) => {
      const rows = await db
        .selectFrom("outbox")
        .select(["id", "kind", "chat_id"])
        .where("created_at", "<=", nowMs - LIMITS.outboxAgeMs)
        .where((row) => row.or([row("claimed_until", "is", null), row("claimed_until", "<=", nowMs)]))
        .orderBy("created_at")
        .orderBy("id")
        .limit(Math.min(limit, LIMITS.outboxBatch))
        .$if(driver === "postgres", (query) => query.forUpdate().skipLocked())
        .execute();
      if (rows.length === 0) return [];
      await db
        .updateTable("outbox")
        .set({ claimed_until: nowMs + LIMITS.outboxClaimMs })
        .where(
          "id",
          "in",
          idList(
            driver,
            rows.map(({ id }) => id),
          ),
        )
        .execute();
      return rows.map(({ id, kind, chat_id }) => ({ id, kind, chatId: chat_id }));
    });
  }

  async done(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const { driver } = this.database;
    await this.database.single("clear outbox", (db) =>
      db.deleteFrom("outbox").where("id", "in", idList(driver, ids)).execute(),
    );
  }

  async release(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const { driver } = this.database;
    await this.database.single("release outbox", (db) =>
      db.updateTable("outbox").set({ claimed_until: null }).where("id", "in", idList(driver, ids)).execute(),
    );
  }
}
