import { Database, type SQLQueryBindings } from "bun:sqlite";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from "kysely";
import type { Clock } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";

/**
 * Kysely over bun:sqlite: one connection, which Kysely hands to one transaction after the other (its queue is the
 * writers' queue of this process). Writers of other processes are waited for without blocking this one's events.
 */
export function sqliteDialect(file: string, clock: Clock): Dialect {
  return {
    createDriver: () => new BunSqliteDriver(file, clock),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

class BunSqliteDriver implements Driver {
  private connection: BunSqliteConnection | undefined;

  constructor(
    private readonly file: string,
    private readonly clock: Clock,
  ) {}

  async init(): Promise<void> {
    makeFile(this.file);
    const database = new Database(this.file, { readwrite: true, create: true, strict: true });
    try {
      // Before WAL: that change waits for other processes, too.
      database.run(`pragma busy_timeout = ${LIMITS.sqliteBusyMs}`);
      database.run("pragma journal_mode = wal");
      database.run("pragma synchronous = full");
      database.run("pragma foreign_keys = on");
      // From here on waiting is done by `begin` below, in small steps.
      database.run(`pragma busy_timeout = ${LIMITS.sqliteBusyPollMs}`);
    } catch (error) {
      database.close();
      throw error;
    }
    this.connection = new BunSqliteConnection(database);
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.opened();
  }

  async beginTransaction(_: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    if (settings.accessMode === "read only") return this.opened().run("begin");
    const deadlineMs = this.clock.now() + LIMITS.sqliteBusyMs;
    for (;;) {
      try {
        return this.opened().run("begin immediate");
      } catch (error) {
        if (!isBusy(error) || this.clock.now() >= deadlineMs) throw error;
      }
      await this.clock.sleep(LIMITS.sqliteBusyPollMs);
    }
  }

  async commitTransaction(): Promise<void> {
    this.opened().run("commit");
  }

  /** A full disk ends the transaction by itself (https://sqlite.org/lang_transaction.html): then there is nothing to roll back. */
  async rollbackTransaction(): Promise<void> {
    const connection = this.opened();
    if (connection.inTransaction) connection.run("rollback");
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.connection?.close();
    this.connection = undefined;
  }

  private opened(): BunSqliteConnection {
    if (this.connection === undefined) throw new Error("the database is closed");
    return this.connection;
  }
}

/** One open SQLite database as Kysely uses it. */
export class BunSqliteConnection implements DatabaseConnection {
  constructor(private readonly database: Database) {}

  get inTransaction(): boolean {
    return this.database.inTransaction;
  }

  run(statement: string): void {
    this.database.query(statement).run();
  }

  async executeQuery<Row>(compiled: CompiledQuery): Promise<QueryResult<Row>> {
    const statement = this.database.query<Row, SQLQueryBindings[]>(compiled.sql);
    const parameters = compiled.parameters.map(toBinding);
    const { kind } = compiled.query;
    const writes = kind === "InsertQueryNode" || kind === "UpdateQueryNode" || kind === "DeleteQueryNode";
    if (writes && !("returning" in compiled.query && compiled.query.returning !== undefined)) {
      return { numAffectedRows: BigInt(statement.run(...parameters).changes), rows: [] };
    }
    const rows = statement.all(...parameters);
    return writes ? { numAffectedRows: BigInt(rows.length), rows } : { rows };
  }

  streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error("rows of SQLite are not streamed");
  }

  close(): void {
    this.database.close();
  }
}

/** Makes the file, for its owner only: SQLite gives its side files the same rights. */
function makeFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, "a", 0o600));
}

function toBinding(value: unknown): SQLQueryBindings {
  switch (typeof value) {
    case "string":
    case "number":
    case "bigint":
    case "boolean":
      return value;
    default:
      if (value === null) return null;
      throw new TypeError(`bind a value of type ${typeof value}: not a column's type`);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");
}
