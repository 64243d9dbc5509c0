import { expect, test } from "bun:test";
import { join } from "node:path";
import { Kysely } from "kysely";
import { systemClock } from "../../../src/core/clock.ts";
import { migrate } from "../../../src/store/kysely/migrate.ts";
import { MIGRATIONS } from "../../../src/store/kysely/migrations/migrations.ts";
import type { Tables } from "../../../src/store/kysely/schema.ts";
import { sqliteDialect } from "../../../src/store/kysely/sqlite-dialect.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const OPTIONS = { clock: systemClock, signal: new AbortController().signal };
const NEXT = (MIGRATIONS.at(-1)?.version ?? 0) + 1;
const ADDED = { version: NEXT, statements: ["alter table users add column nickname text"] };
const BROKEN = { version: NEXT + 1, statements: ["create table half (id text)", "this is no statement"] };

test("a later step is applied once, with what is there kept; one that fails leaves nothing behind", async () => {
  await using folder = await tempFolder("later");
  const db = new Kysely<Tables>({ dialect: sqliteDialect(join(folder.path, "reliant.db"), systemClock) });
  await migrate(db, "sqlite", MIGRATIONS, OPTIONS);
  await db
    .insertInto("users")
    .values({ id: "usr_1", issuer: "i", subject: "s", email: null, sequence: 0, created_at: 1 })
    .execute();
  await migrate(db, "sqlite", [...MIGRATIONS, ADDED], OPTIONS);
  await migrate(db, "sqlite", [...MIGRATIONS, ADDED], OPTIONS);
  expect(await db.selectFrom("users").selectAll().execute()).toMatchObject([{ id: "usr_1", nickname: null }]);
  await expect(migrate(db, "sqlite", [...MIGRATIONS, ADDED, BROKEN], OPTIONS)).rejects.toThrow();
  const names = (await db.introspection.getTables()).map(({ name }) => name);
  expect(names).not.toContain("half");
  await expect(migrate(db, "sqlite", MIGRATIONS, OPTIONS)).rejects.toMatchObject({ code: "schema_too_new" });
  await db.destroy();
});

test("a schema of a later release that says so is worked with by this one, and left as it is", async () => {
  await using folder = await tempFolder("later");
  const db = new Kysely<Tables>({ dialect: sqliteDialect(join(folder.path, "reliant.db"), systemClock) });
  const later = { ...ADDED, worksWith: NEXT - 1 };
  await migrate(db, "sqlite", [...MIGRATIONS, later], OPTIONS);
  await migrate(db, "sqlite", MIGRATIONS, OPTIONS);
  const tables = await db.introspection.getTables();
  const users = tables.find(({ name }) => name === "users");
  expect(users?.columns.map(({ name }) => name)).toContain("nickname");
  await migrate(db, "sqlite", [...MIGRATIONS, later, { version: NEXT + 1, statements: [] }], OPTIONS);
  await expect(migrate(db, "sqlite", MIGRATIONS, OPTIONS)).rejects.toMatchObject({ code: "schema_too_new" });
  await db.destroy();
});
