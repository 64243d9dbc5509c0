import { join } from "node:path";
import { type Clock, systemClock } from "../../../src/core/clock.ts";
import { type OpenStoreOptions, openStore } from "../../../src/store/kysely/kysely-store.ts";
import { MIGRATIONS } from "../../../src/store/kysely/migrations/migrations.ts";
import type { Announcement, Store } from "../../../src/store/store.ts";
import { type PostgresServer, sharedPostgres } from "../../support/postgres-server.ts";
import { tempFolder } from "../../support/temp-folder.ts";

/** A database of one test, and stores on it. */
export interface StoreUnderTest extends AsyncDisposable {
  readonly store: Store;
  /** What the first store announced, in order. */
  readonly announced: readonly Announcement[];
  readonly clock: MovableClock;
  /** One more store on the same database, as another process would have it. */
  openAnother(): Promise<Store>;
  readonly options: Pick<OpenStoreOptions, "driver" | "url" | "file">;
}

/** A store's driver with what its tests need; `open` gives a new, empty database. */
export interface StoreDriver extends AsyncDisposable {
  open(): Promise<StoreUnderTest>;
}

export const STORE_DRIVERS: readonly { readonly name: string; start(): Promise<StoreDriver> }[] = [
  { name: "sqlite", start: startSqlite },
  { name: "postgres", start: startPostgresDriver },
];

/** The system's clock, whose hands can be moved. */
export interface MovableClock extends Clock {
  advance(ms: number): void;
}

async function startSqlite(): Promise<StoreDriver> {
  return {
    open: async () => {
      const folder = await tempFolder("store");
      return underTest({ driver: "sqlite", file: join(folder.path, "reliant.db") }, folder.remove);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function startPostgresDriver(): Promise<StoreDriver> {
  const server: PostgresServer = await sharedPostgres();
  const template = {
    key: `store_${Bun.hash(JSON.stringify(MIGRATIONS)).toString(36)}`,
    fill: async (url: string) => {
      const signal = AbortSignal.timeout(30_000);
      const store = await openStore({ driver: "postgres", url, clock: systemClock, announce: () => undefined, signal });
      await store.close();
    },
  };
  return {
    open: async () => {
      const database = await server.freshDatabase("store", template);
      return underTest({ driver: "postgres", url: database.url }, database.drop);
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

async function underTest(
  options: Pick<OpenStoreOptions, "driver" | "url" | "file">,
  remove: () => Promise<void>,
): Promise<StoreUnderTest> {
  const announced: Announcement[] = [];
  const clock = movableClock();
  const stores: Store[] = [];
  const open = async (announce: (announcement: Announcement) => void) => {
    const store = await openStore({ ...options, clock, announce, signal: AbortSignal.timeout(30_000) });
    stores.push(store);
    return store;
  };
  return {
    store: await open((announcement) => announced.push(announcement)),
    announced,
    clock,
    openAnother: () => open(() => undefined),
    options,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await remove();
    },
  };
}

function movableClock(): MovableClock {
  let aheadMs = 0;
  return {
    ...systemClock,
    now: () => Date.now() + aheadMs,
    advance: (ms) => {
      aheadMs += ms;
    },
  };
}
