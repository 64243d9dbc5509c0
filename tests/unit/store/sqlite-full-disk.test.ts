import { expect, test } from "bun:test";
import { join } from "node:path";
import { Kysely, sql } from "kysely";
import { systemClock } from "../../../src/core/clock.ts";
import { sqliteDialect } from "../../../src/store/kysely/sqlite-dialect.ts";
import { tempFolder } from "../../support/temp-folder.ts";

test("a transaction that finds the disk full says so, and the next one that fits goes on", async () => {
  await using folder = await tempFolder("full-disk");
  const database = new Kysely<Record<string, never>>({
    dialect: sqliteDialect(join(folder.path, "a.db"), systemClock),
  });
  try {
    await sql`create table rows (text text)`.execute(database);
    await sql`pragma max_page_count = 8`.execute(database);
    const insert = (text: string) =>
      database.transaction().execute((transaction) => sql`insert into rows values (${text})`.execute(transaction));
    await expect(insert("x".repeat(100_000))).rejects.toMatchObject({ code: "SQLITE_FULL" });
    await insert("fits");
    const { rows } = await sql`select text from rows`.execute(database);
    expect(rows).toEqual([{ text: "fits" }]);
  } finally {
    await database.destroy();
  }
});
