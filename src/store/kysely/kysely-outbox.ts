import { LIMITS } from "../../core/limits.ts";
import type { Outbox, OutboxEntry } from "../outbox.ts";
import type { Database, Write } from "./database.ts";
import { idList } from "./id-lists.ts";

/** The outbox over the database. Claimers pass over the rows that another one has locked at the moment. */
export class KyselyOutbox implements Outbox {
  constructor(private readonly database: Database) {}

  claim(nowMs: number, limit: number): Promise<readonly OutboxEntry[]> {
    return this.database.write("claim outbox", async (write) => {
      const { db, driver } = write;
      const most = Math.min(limit, LIMITS.outboxBatch);
      const due = dueEntries(write, nowMs);
      const fresh = await due
        .where("claimed_until", "is", null)
        .orderBy("created_at")
        .orderBy("id")
        .limit(most)
        .execute();
      const again =
        fresh.length === most
          ? []
          : await due
              .where("claimed_until", "<=", nowMs)
              .orderBy("claimed_until")
              .orderBy("id")
              .limit(most - fresh.length)
              .execute();
      const rows = [...fresh, ...again];
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
    await this.database.single("clear outbox", ({ db }) =>
      db.deleteFrom("outbox").where("id", "in", idList(driver, ids)).execute(),
    );
  }

  async release(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const { driver, clock } = this.database;
    // The end of its claim, and not as if there had been none: it goes behind those that wait for longer. Far enough in the
    // past that a claimer whose clock is behind finds it, too.
    const endedAtMs = clock.now() - LIMITS.outboxClaimMs;
    await this.database.single("release outbox", ({ db }) =>
      db.updateTable("outbox").set({ claimed_until: endedAtMs }).where("id", "in", idList(driver, ids)).execute(),
    );
  }
}

function dueEntries({ db, driver }: Write, nowMs: number) {
  return db
    .selectFrom("outbox")
    .select(["id", "kind", "chat_id"])
    .where("created_at", "<=", nowMs - LIMITS.outboxAgeMs)
    .$if(driver === "postgres", (query) => query.forUpdate().skipLocked());
}
