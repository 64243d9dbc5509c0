import type { CompiledQuery, DatabaseConnection, QueryResult } from "kysely";
import postgres from "postgres";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { PostgresOptions } from "./postgres-dialect.ts";

/** How long `close` waits for what is under way, seconds. */
const CLOSE_S = 5;

/**
 * One session of Postgres: a postgres.js client with a single connection, replaced by a new client when that is lost.
 * Left alone, postgres.js connects again by itself, also in the middle of a transaction, and runs the rest of it in the
 * new session, each statement for itself; and what it had not written to the old connection yet it writes first to the
 * new one, before the greeting, which then hangs (3.4.9; tests/contract/store/opening.test.ts ends sessions to see).
 * So a transaction here belongs to the connection it began on: when that is lost, its statements fail without being sent.
 */
export class PostgresSession implements DatabaseConnection {
  private client: postgres.Sql;
  /** Counts lost connections. */
  private losses = 0;
  /** True after an answer came over the present connection. */
  private connected = false;
  private closing = false;
  private transaction: { readonly losses: number; readonly begun: Promise<unknown> } | undefined;

  constructor(private readonly options: PostgresOptions) {
    this.client = this.connect();
  }

  async executeQuery<Row>(compiled: CompiledQuery): Promise<QueryResult<Row>> {
    const result = await this.send(compiled.sql, compiled.parameters);
    const { command, count } = result;
    // The border: Kysely has typed the statement, the database has typed the row.
    const rows = Array.from(result) as Row[];
    const writes = command === "INSERT" || command === "UPDATE" || command === "DELETE";
    return writes ? { numAffectedRows: BigInt(count), rows } : { rows };
  }

  streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error("rows of Postgres are not streamed");
  }

  /** On a connection that stands, `begin` travels together with the first statement: a round trip less. */
  async begin(statement: string): Promise<void> {
    const { losses, connected } = this;
    const begun = this.send(statement, []);
    if (connected) begun.catch(() => undefined);
    else await begun;
    this.transaction = { losses: connected ? losses : this.losses, begun };
  }

  async end(statement: "commit" | "rollback"): Promise<void> {
    const { transaction } = this;
    if (transaction === undefined) {
      // Kysely rolls back behind a commit that failed, whose error is the one to tell: that transaction is over already.
      if (statement === "rollback") return;
      throw new ReliantError("internal", "commit: there is no transaction");
    }
    try {
      // What is lost is rolled back by the server.
      if (statement === "rollback" && transaction.losses !== this.losses) return;
      await transaction.begun;
      const { command } = await this.send(statement, []);
      if (statement === "commit" && command === "ROLLBACK") throw new Error("the transaction was broken off");
    } finally {
      this.transaction = undefined;
    }
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.client.end({ timeout: CLOSE_S });
  }

  private async send(statement: string, parameters: readonly unknown[]): Promise<postgres.RowList<postgres.Row[]>> {
    if (this.transaction !== undefined && this.transaction.losses !== this.losses) throw lost();
    const { client } = this;
    let timedOut = false;
    // The server ends a statement before that; this is for a server that is frozen or out of reach.
    const stopTimer = this.options.clock.after(this.options.statementMs + LIMITS.databaseConnectMs, () => {
      timedOut = true;
      this.replace(client);
    });
    try {
      const answer = await client.unsafe(statement, parameters.map(toParameter), { prepare: true });
      this.connected = true;
      return answer;
    } catch (error) {
      // That the connection is closed may be seen only after the next statement went into it.
      if (this.connected && endsSession(error)) this.replace(client);
      if (timedOut) throw new ReliantError("unavailable", "use the database: it does not answer", { cause: error });
      throw error;
    } finally {
      stopTimer();
    }
  }

  private replace(client: postgres.Sql): void {
    if (this.closing || this.client !== client) return;
    this.losses++;
    this.connected = false;
    this.client = this.connect();
    client.end({ timeout: 0 }).catch(() => undefined);
  }

  private connect(): postgres.Sql {
    const { url, pooler, statementMs } = this.options;
    const client: postgres.Sql = postgres(url, {
      max: 1,
      connect_timeout: LIMITS.databaseConnectMs / 1000,
      // Who repeats, and after how long, is decided above: here a connection is tried at once or refused at once.
      backoff: () => 0,
      max_lifetime: null,
      prepare: !pooler,
      fetch_types: false,
      onnotice: () => undefined,
      onclose: () => this.replace(client),
      types: { int8: { to: 20, from: [20], parse: Number, serialize: String } },
      connection: {
        application_name: "reliant",
        // A pooler refuses settings of sessions.
        ...(pooler
          ? {}
          : {
              statement_timeout: statementMs,
              idle_in_transaction_session_timeout: LIMITS.databaseIdleInTransactionMs,
              // All statements look up by keys: one plan serves all values, and planning takes longer than running.
              plan_cache_mode: "force_generic_plan",
              // Databases are on flash or in memory. With the default, made for turning disks, a lookup of a page of messages
              // reads the whole table while it is of middling size.
              random_page_cost: 1.1,
            }),
      },
    });
    return client;
  }
}

/** True for what the server says last (https://www.postgresql.org/docs/current/protocol-error-fields.html), and for a socket's own errors. */
function endsSession(error: unknown): boolean {
  if (error instanceof postgres.PostgresError) return error.severity === "FATAL" || error.severity === "PANIC";
  return error instanceof Error && "syscall" in error;
}

function lost(): ReliantError {
  return new ReliantError("unavailable", "use the database: the connection was lost in the middle of a transaction");
}

function toParameter(value: unknown): string | number | null {
  if (typeof value === "string" || typeof value === "number" || value === null) return value;
  throw new TypeError(`bind a value of type ${typeof value}: not a column's type`);
}
