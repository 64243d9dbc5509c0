import { type Dialect, Kysely, sql } from "kysely";
import { backoffMs } from "../../core/backoff.ts";
import type { Clock } from "../../core/clock.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { DeferredWrites } from "../deferred-writes.ts";
import type { Announcement, Store, StoreStats } from "../store.ts";
import { Database, type Driver } from "./database.ts";
import { translateDatabaseError } from "./database-errors.ts";
import { writeDeferred } from "./deferred-statements.ts";
import { KyselyAccounts } from "./kysely-accounts.ts";
import { KyselyApprovals } from "./kysely-approvals.ts";
import { KyselyChats } from "./kysely-chats.ts";
import { KyselyDaemons } from "./kysely-daemons.ts";
import { KyselyOutbox } from "./kysely-outbox.ts";
import { KyselyProjects } from "./kysely-projects.ts";
import { KyselyTokens } from "./kysely-tokens.ts";
import { KyselyToolCalls } from "./kysely-tool-calls.ts";
import { KyselyTurns } from "./kysely-turns.ts";
import { KyselyUpdates } from "./kysely-updates.ts";
import { KyselyWorkflows } from "./kysely-workflows.ts";
import { type MigrateOptions, migrate } from "./migrate.ts";
import { MIGRATIONS } from "./migrations/migrations.ts";
import type { Tables } from "./schema.ts";

export interface OpenStoreOptions {
  readonly driver: Driver;
  /** For postgres: `postgres://user:password@host:port/database`. */
  readonly url?: string;
  /** For sqlite: the database file; its folder is made. */
  readonly file?: string;
  /** For postgres: true where the URL leads to a pooler that lends connections a transaction long (PgBouncer). */
  readonly pooler?: boolean;
  readonly clock: Clock;
  /** Told of each new number after its commit; must not wait or throw. */
  announce(announcement: Announcement): void;
  /** Ends the waiting for a database that is away; it does not close a store that is open. */
  readonly signal: AbortSignal;
  /** A try to open, or to bring the schema up to date, failed and is made again: for `/ready`, and for the log. */
  onAttemptFailed?(attempt: {
    readonly number: number;
    readonly error: ReliantError;
    readonly retryInMs: number;
  }): void;
}

/**
 * The store, with its schema up to date. While the database is away it is tried again, until it answers or the signal
 * aborts; what waiting does not mend (a wrong password, a missing database, `schema_too_new`) is thrown at once.
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  for (let number = 1; ; number++) {
    options.signal.throwIfAborted();
    try {
      return await openOnce(options);
    } catch (thrown) {
      const error = translateDatabaseError(thrown, "open database");
      if (!error.row.retryable) throw error;
      const retryInMs = backoffMs(number - 1, { baseMs: LIMITS.startRetryBaseMs, maxMs: LIMITS.startRetryMaxMs });
      options.onAttemptFailed?.({ number, error, retryInMs });
      await options.clock.sleep(retryInMs, options.signal);
    }
  }
}

async function openOnce(options: OpenStoreOptions): Promise<Store> {
  const { driver, clock } = options;
  // A connection of its own: a step of the schema may take longer than any statement after it.
  const migrating = new Kysely<Tables>({ dialect: await dialectOf(options, LIMITS.migrationMs) });
  try {
    const onHeldUp: MigrateOptions["onHeldUp"] = (attempt) => options.onAttemptFailed?.(attempt);
    await migrate(migrating, driver, MIGRATIONS, { clock, signal: options.signal, onHeldUp });
  } finally {
    await migrating.destroy();
  }
  const kysely = new Kysely<Tables>({ dialect: await dialectOf(options, LIMITS.databaseStatementMs) });
  return storeOver(new Database(kysely, driver, clock, (announcement) => options.announce(announcement)));
}

/** The store over a database that is open and whose schema is up to date. */
export function storeOver(database: Database): Store {
  return new KyselyStore(database);
}

/** Only the driver that is used is loaded. */
async function dialectOf(options: OpenStoreOptions, statementMs: number): Promise<Dialect> {
  const { driver, url, file, pooler = false, clock } = options;
  if (driver === "sqlite") {
    if (file === undefined) throw new ReliantError("invalid_argument", "open database: sqlite needs a file");
    const { sqliteDialect } = await import("./sqlite-dialect.ts");
    return sqliteDialect(file, clock);
  }
  if (url === undefined) throw new ReliantError("invalid_argument", "open database: postgres needs a URL");
  const { postgresDialect } = await import("./postgres-dialect.ts");
  return postgresDialect({ url: checkedUrl(url), pooler, statementMs, clock });
}

/** Throws without repeating the text, which holds a password. */
function checkedUrl(url: string): string {
  const parsed = URL.parse(url);
  if (parsed !== null && (parsed.protocol === "postgres:" || parsed.protocol === "postgresql:")) return url;
  throw new ReliantError("invalid_argument", "open database: the URL is not one of Postgres", {
    hint: "It looks like this: postgres://user:password@host:5432/database",
  });
}

class KyselyStore implements Store {
  private readonly deferred: DeferredWrites;
  readonly users: KyselyAccounts;
  readonly tokens: KyselyTokens;
  readonly daemons: KyselyDaemons;
  readonly projects: KyselyProjects;
  readonly chats: KyselyChats;
  readonly turns: KyselyTurns;
  readonly toolCalls: KyselyToolCalls;
  readonly approvals: KyselyApprovals;
  readonly workflows: KyselyWorkflows;
  readonly updates: KyselyUpdates;
  readonly outbox: KyselyOutbox;
  private closing: Promise<void> | undefined;

  constructor(private readonly database: Database) {
    this.deferred = new DeferredWrites(database.clock, (writes) => writeDeferred(database, writes));
    this.users = new KyselyAccounts(database);
    this.tokens = new KyselyTokens(database);
    this.daemons = new KyselyDaemons(database, this.deferred);
    this.projects = new KyselyProjects(database);
    this.chats = new KyselyChats(database);
    this.turns = new KyselyTurns(database);
    this.toolCalls = new KyselyToolCalls(database);
    this.approvals = new KyselyApprovals(database);
    this.workflows = new KyselyWorkflows(database);
    this.updates = new KyselyUpdates(database, this.deferred);
    this.outbox = new KyselyOutbox(database);
  }

  async check(signal: AbortSignal): Promise<void> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(new ReliantError("unavailable", "check database: it does not answer in time"));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.race([this.database.read("check database", (db) => sql`select 1`.execute(db)), aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  stats(): StoreStats {
    return {
      writeQueueDepth: this.deferred.depth,
      writeQueueDropped: this.deferred.dropped,
      poolSize: this.database.driver === "postgres" ? LIMITS.postgresConnections : 1,
      transactionsOpen: this.database.transactionsOpen,
    };
  }

  close(): Promise<void> {
    this.closing ??= this.deferred.close().then(() => this.database.kysely.destroy());
    return this.closing;
  }
}
