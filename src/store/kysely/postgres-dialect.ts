import {
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type TransactionSettings,
} from "kysely";
import type { Clock } from "../../core/clock.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { PostgresSession } from "./postgres-session.ts";

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=…` */
  readonly url: string;
  /** True behind a pooler that lends its connections a transaction long (PgBouncer): nothing is left on a session. */
  readonly pooler: boolean;
  /** How long one statement may take, its waits for locks included. */
  readonly statementMs: number;
  readonly clock: Clock;
}

/** Kysely over postgres.js, with sessions of our own: see {@link PostgresSession}. */
export function postgresDialect(options: PostgresOptions): Dialect {
  return {
    createDriver: () => new PostgresPool(options),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (db) => new PostgresIntrospector(db),
  };
}

/** At most `LIMITS.postgresConnections` sessions; the newest used one first, so that the others may rest. */
class PostgresPool implements Driver {
  private readonly sessions = new Map<DatabaseConnection, PostgresSession>();
  private readonly idle: PostgresSession[] = [];
  private readonly waiting: ((session: PostgresSession) => void)[] = [];
  private closed = false;

  constructor(private readonly options: PostgresOptions) {}

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.closed) throw new ReliantError("unavailable", "use the database: it is being closed");
    const session = this.idle.pop();
    if (session !== undefined) return session;
    if (this.sessions.size < LIMITS.postgresConnections) {
      const made = new PostgresSession(this.options);
      this.sessions.set(made, made);
      return made;
    }
    if (this.waiting.length >= LIMITS.databaseWaiting) {
      throw new ReliantError(
        "resource_exhausted",
        `use the database: ${this.waiting.length} others wait for a connection`,
      );
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    const session = this.sessionOf(connection);
    const next = this.waiting.shift();
    if (next === undefined) this.idle.push(session);
    else next(session);
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    const isolation = settings.isolationLevel === undefined ? "" : ` isolation level ${settings.isolationLevel}`;
    const access = settings.accessMode === undefined ? "" : ` ${settings.accessMode}`;
    await this.sessionOf(connection).begin(`begin${isolation}${access}`);
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await this.sessionOf(connection).end("commit");
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await this.sessionOf(connection).end("rollback");
  }

  async destroy(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.sessions.values()].map((session) => session.close()));
  }

  private sessionOf(connection: DatabaseConnection): PostgresSession {
    const session = this.sessions.get(connection);
    if (session === undefined) throw new ReliantError("internal", "the connection is not one of this pool");
    return session;
  }
}
