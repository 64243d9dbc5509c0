import { type Kysely, sql } from "kysely";
import { backoffMs } from "../../core/backoff.ts";
import type { Clock } from "../../core/clock.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { isHeldUp, isRace, translateDatabaseError } from "./database-errors.ts";
import { type Migration, statementsOf } from "./migrations/migrations.ts";
import type { Tables } from "./schema.ts";

/** Any number, the same in every process: "reliant" as seven letters of a telephone's keypad. */
const MIGRATION_LOCK = 7354268;

export interface MigrateOptions {
  readonly clock: Clock;
  /** Ends the waiting for tables that are in use. */
  readonly signal: AbortSignal;
  /** The steps were undone, because others were in the way, and are made again. */
  onHeldUp?(attempt: { readonly number: number; readonly error: ReliantError; readonly retryInMs: number }): void;
}

/**
 * Brings the schema to the newest version of `migrations`, in one transaction, which others that start at the same time
 * wait for: an advisory lock in Postgres, the writer's lock in SQLite. Behind a step that
 * waits for a table everybody else waits as well, so it lets them go after `LIMITS.migrationLockMs` and is made again, until
 * `LIMITS.migrationMs` have passed: then `unavailable`, and nothing was changed. A later release's schema is left as it is where that
 * says that this release works with it; else this throws `schema_too_new`.
 */
export async function migrate(
  db: Kysely<Tables>,
  driver: "sqlite" | "postgres",
  migrations: readonly Migration[],
  options: MigrateOptions,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    if (driver === "postgres") {
      // Once more for this transaction: behind a pooler the session has no time of its own.
      await sql`select set_config('statement_timeout', ${String(LIMITS.migrationMs)}, true)`.execute(tx);
      await sql`select pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(tx);
      await sql`select set_config('lock_timeout', ${String(LIMITS.migrationLockMs)}, true)`.execute(tx);
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
    const steps = async () => {
      for (const migration of migrations.filter(({ version }) => version > newest)) {
        for (const statement of statementsOf(migration, driver)) await sql.raw(statement).execute(tx);
        const { version, worksWith = version } = migration;
        await sql`insert into schema_versions (version, applied_at) values (${version}, ${options.clock.now()})`.execute(
          tx,
        );
        await sql`insert into schema_readers (version, works_with) values (${version}, ${worksWith})`.execute(tx);
      }
    };
    await (driver === "postgres" ? untilNotHeldUp(tx, steps, options) : steps());
  });
}

/** The transaction stays open between two attempts, with its advisory lock: of several servers one tries, and it pauses. */
async function untilNotHeldUp(tx: Kysely<Tables>, steps: () => Promise<void>, options: MigrateOptions): Promise<void> {
  const { clock, signal } = options;
  const sinceMs = clock.stamp().monotonicMs;
  const bounds = { baseMs: LIMITS.startRetryBaseMs, maxMs: LIMITS.startRetryMaxMs };
  await sql`savepoint before_steps`.execute(tx);
  for (let number = 1; ; number++) {
    try {
      return await steps();
    } catch (error) {
      if (!isHeldUp(error) && !isRace(error)) throw error;
      if (clock.stamp().monotonicMs - sinceMs >= LIMITS.migrationMs) throw error;
      // All locks on tables go with it.
      await sql`rollback to savepoint before_steps`.execute(tx);
      const retryInMs = backoffMs(number - 1, bounds);
      options.onHeldUp?.({ number, error: translateDatabaseError(error, "change the database's schema"), retryInMs });
      await clock.sleep(retryInMs, signal);
    }
  }
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
