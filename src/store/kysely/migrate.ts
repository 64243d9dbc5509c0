import { type Kysely, sql } from "kysely";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { type Migration, statementsOf } from "./migrations/migrations.ts";
import type { Tables } from "./schema.ts";

/** Any number, the same in every process: "reliant" as seven letters of a telephone's keypad. */
const MIGRATION_LOCK = 7354268;

/**
 * Brings the schema to the newest version of `migrations`, in one transaction, which others that start at the same time
 * wait for: an advisory lock in Postgres, the writer's lock in SQLite. A later release's schema is left as it is where that
 * says that this release works with it; else this throws `schema_too_new`.
 */
export async function migrate(
  db: Kysely<Tables>,
  driver: "sqlite" | "postgres",
  migrations: readonly Migration[],
  nowMs: number,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    if (driver === "postgres") {
      // Once more for this transaction: behind a pooler the session has no time of its own.
      await sql`select set_config('statement_timeout', ${String(LIMITS.migrationMs)}, true)`.execute(tx);
      await sql`select pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(tx);
    }
    await sql`create table if not exists schema_versions (version bigint primary key, applied_at bigint not null)`.execute(
      tx,
    );
    await sql`create table if not exists schema_readers (version bigint primary key, works_with bigint not null)`.execute(
      tx,
    );
    const found = await sql<{ newest: number | null }>`select max(version) as newest from schema_versions`.execute(tx);
    const newest = found.rows[0]?.newest ?? 0;
    const known = migrations.at(-1)?.version ?? 0;
    if (newest > known && (await worksWith(tx, newest)) > known) throw schemaTooNew(newest, known);
    for (const migration of migrations.filter(({ version }) => version > newest)) {
      for (const statement of statementsOf(migration, driver)) await sql.raw(statement).execute(tx);
      await sql`insert into schema_versions (version, applied_at) values (${migration.version}, ${nowMs})`.execute(tx);
      const oldest = migration.worksWith ?? migration.version;
      await sql`insert into schema_readers (version, works_with) values (${migration.version}, ${oldest})`.execute(tx);
    }
  });
}

/** The oldest version whose releases work with that schema. */
async function worksWith(tx: Kysely<Tables>, version: number): Promise<number> {
  const told = await sql<{
    works_with: number;
  }>`select works_with from schema_readers where version = ${version}`.execute(tx);
  return told.rows[0]?.works_with ?? version;
}

function schemaTooNew(newest: number, known: number): ReliantError {
  return new ReliantError(
    "schema_too_new",
    `open database: its schema is version ${newest}, and this release knows versions up to ${known}`,
    { hint: "Run the release that wrote it, or a later one; or restore the backup that was made before the upgrade." },
  );
}
