import { Database as Sqlite } from "bun:sqlite";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from "kysely";
import type { Clock } from "../../src/core/clock.ts";
import { Database } from "../../src/store/kysely/database.ts";
import { storeOver } from "../../src/store/kysely/kysely-store.ts";
import { migrate } from "../../src/store/kysely/migrate.ts";
import { MIGRATIONS } from "../../src/store/kysely/migrations/migrations.ts";
import type { Tables } from "../../src/store/kysely/schema.ts";
import { BunSqliteConnection } from "../../src/store/kysely/sqlite-dialect.ts";
import type { Announcement, Store } from "../../src/store/store.ts";
import { batchedDaemons } from "./batched-daemons.ts";
import { claims } from "./claims.ts";
import type { Life } from "./life.ts";
import { inSqlite, skipsLocked } from "./postgres-words.ts";
import type { StoreWatch } from "./store-watch.ts";
import { watchedStore } from "./watched-store.ts";
import type { World } from "./world.ts";

/**
 * The database of the run: real SQL in memory, behind a network that delays and loses. A transaction happens at once,
 * when its request arrives; whoever asked may have ended before it learns that the commit stands.
 */
export class SimStore {
  readonly sqlite: Sqlite;
  /** True while the database is away. */
  away = false;
  private lastTransaction: Promise<void> = Promise.resolve();

  private constructor(
    private readonly world: World,
    readonly watch: StoreWatch,
    sqlite: Sqlite,
  ) {
    this.sqlite = sqlite;
  }

  static async open(world: World, watch: StoreWatch, clock: Clock): Promise<SimStore> {
    Sqlite.MAX_QUERY_CACHE_SIZE = 1_000;
    const sqlite = new Sqlite(":memory:", { strict: true });
    sqlite.run("pragma foreign_keys = on");
    const store = new SimStore(world, watch, sqlite);
    await migrate(store.kysely(undefined), "sqlite", MIGRATIONS, { clock, signal: new AbortController().signal });
    watch.attach(sqlite);
    return store;
  }

  /** The store as one process has it. `batches`: hellos and marks go together, as with Postgres. */
  of(life: Life, announce: (announcement: Announcement) => void, batches: boolean): Store {
    const { clock } = life;
    const store = storeOver(new Database(this.kysely(life), "sqlite", clock, announce));
    const batched = batches ? batchedDaemons(this.kysely(life, true), clock, announce, this.world.chance) : undefined;
    return watchedStore(store, this.world, this.watch, batched);
  }

  /** The store as nobody has it: without faults and at once, for who looks on. */
  direct(clock: Clock): Store {
    return storeOver(new Database(this.kysely(undefined), "sqlite", clock, () => undefined));
  }

  /** Resolves when no transaction is under way; the answer ends the caller's own. */
  async turn(): Promise<() => void> {
    const before = this.lastTransaction;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.lastTransaction = promise;
    await before;
    return resolve;
  }

  close(): void {
    this.sqlite.close();
  }

  private kysely(life: Life | undefined, speaksPostgres = false): Kysely<Tables> {
    const connect = () =>
      new SimConnection(this, this.world, new BunSqliteConnection(this.sqlite), life, speaksPostgres);
    return new Kysely<Tables>({ dialect: dialect(() => new SimDriver(connect)) });
  }
}

function dialect(createDriver: () => Driver): Dialect {
  return {
    createDriver,
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

class SimDriver implements Driver {
  constructor(private readonly connect: () => SimConnection) {}

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SimConnection> {
    return this.connect();
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {}

  beginTransaction(connection: SimConnection, settings: TransactionSettings): Promise<void> {
    return connection.begin(settings.accessMode === "read only");
  }

  commitTransaction(connection: SimConnection): Promise<void> {
    return connection.commit();
  }

  rollbackTransaction(connection: SimConnection): Promise<void> {
    return connection.rollback();
  }
}

/** One request after the other, on behalf of one process; without one: at once and without faults. */
class SimConnection implements DatabaseConnection {
  private endTurn: (() => void) | undefined;

  constructor(
    private readonly server: SimStore,
    private readonly world: World,
    private readonly sqlite: BunSqliteConnection,
    private readonly life: Life | undefined,
    private readonly speaksPostgres: boolean,
  ) {}

  async begin(readOnly: boolean): Promise<void> {
    await this.arrive();
    this.endTurn = await this.server.turn();
    this.sqlite.run(readOnly ? "begin" : "begin immediate");
  }

  async commit(): Promise<void> {
    if (this.life !== undefined && this.world.faults.hits("store: transaction broken off")) throw fault("40001");
    // Everything between begin and here has happened at once: a process that ended meanwhile did so in its own writes.
    if (this.life?.isAlive === false) return this.rollback();
    this.sqlite.run("commit");
    this.leave();
    this.server.watch.committed(this.life?.name, claims.getStore());
    await this.answer();
  }

  async rollback(): Promise<void> {
    if (this.endTurn !== undefined) this.sqlite.run("rollback");
    this.leave();
  }

  async executeQuery<Row>(compiled: CompiledQuery): Promise<QueryResult<Row>> {
    if (this.endTurn !== undefined) return this.within<Row>(compiled);
    await this.arrive();
    const result = await this.sqlite.executeQuery<Row>(compiled);
    this.server.watch.committed(this.life?.name, claims.getStore());
    await this.answer();
    return result;
  }

  streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    return this.sqlite.streamQuery<Row>();
  }

  private async within<Row>(compiled: CompiledQuery): Promise<QueryResult<Row>> {
    if (!this.speaksPostgres) return this.sqlite.executeQuery<Row>(compiled);
    const result = await this.sqlite.executeQuery<Row>(inSqlite(compiled));
    const { faults, reach } = this.world;
    if (!skipsLocked(compiled)) return result;
    if (result.rows.length > 1) reach.note("batch: of several daemons");
    const free = result.rows.filter(() => !faults.hits("store: row held by another transaction"));
    return { ...result, rows: free };
  }

  private leave(): void {
    this.endTurn?.();
    this.endTurn = undefined;
  }

  private async arrive(): Promise<void> {
    const { life, world } = this;
    if (life === undefined) return;
    const { faults } = world;
    if (world.mayCrash(life, "before a request to the store")) return new Promise(() => undefined);
    await life.wait(faults.hits("store: request delayed") ? world.longMs() : world.latencyMs());
    if (this.server.away || faults.hits("store: away before the request")) throw fault("ECONNREFUSED");
  }

  private async answer(): Promise<void> {
    const { life, world } = this;
    if (life === undefined) return;
    const { faults } = world;
    if (world.mayCrash(life, "after a commit, before it learns of it")) return new Promise(() => undefined);
    await life.wait(faults.hits("store: answer delayed") ? world.longMs() : world.latencyMs());
    if (faults.hits("store: answer lost after the commit")) throw fault("ECONNRESET");
  }
}

function fault(code: string): Error {
  return Object.assign(new Error(`the simulation says ${code}`), { code });
}
