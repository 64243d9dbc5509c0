import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Kysely, sql } from "kysely";
import postgres from "postgres";
import { systemClock } from "../../../src/core/clock.ts";
import type { ReliantError } from "../../../src/core/errors.ts";
import { freePort } from "../../../src/stack/free-port.ts";
import { Database as StoreDatabase } from "../../../src/store/kysely/database.ts";
import { type OpenStoreOptions, openStore } from "../../../src/store/kysely/kysely-store.ts";
import { MIGRATIONS } from "../../../src/store/kysely/migrations/migrations.ts";
import { postgresDialect } from "../../../src/store/kysely/postgres-dialect.ts";
import type { Tables } from "../../../src/store/kysely/schema.ts";
import { eventually } from "../../support/eventually.ts";
import { type OwnPostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { STORE_TEST_MS } from "./describe-on-stores.ts";
import { aChat, aChatWithCalls, aUser, errorOf, say, updatesOf } from "./store-verbs.ts";

setDefaultTimeout(STORE_TEST_MS);

const PROOF = join(import.meta.dir, "migrate-proof.ts");
type Where = Pick<OpenStoreOptions, "driver" | "url" | "file">;

function open(where: Where, more: Partial<OpenStoreOptions> = {}) {
  const signal = AbortSignal.timeout(30_000);
  return openStore({ ...where, clock: systemClock, announce: () => undefined, signal, ...more });
}

/** Several processes that open one new database at the same time; what each printed. */
async function openInProcesses(where: Where, count: number): Promise<string[]> {
  const runs = Array.from({ length: count }, () =>
    Bun.spawn([process.execPath, PROOF, JSON.stringify(where)], { stdout: "pipe", stderr: "pipe" }),
  );
  return Promise.all(
    runs.map(async (run) => {
      const [out, err] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
      return `${out}${err}`.trim();
    }),
  );
}

const NEWER = { version: (MIGRATIONS.at(-1)?.version ?? 0) + 1, appliedAt: 0 };

describe("opening a store on sqlite", () => {
  test("processes that start at the same time migrate once", async () => {
    await using folder = await tempFolder("opening");
    const file = join(folder.path, "new", "reliant.db");
    const printed = await openInProcesses({ driver: "sqlite", file }, 4);
    expect(new Set(printed).size).toBe(1);
    expect(printed[0]).toStartWith("usr_");
    const database = new Database(file, { readonly: true });
    expect(database.query("select count(*) as count from schema_versions").get()).toEqual({ count: MIGRATIONS.length });
    database.close();
  });

  test("writes that are commited reach the disk: WAL, synchronous FULL, foreign keys on", async () => {
    await using folder = await tempFolder("opening");
    const file = join(folder.path, "reliant.db");
    const store = await open({ driver: "sqlite", file });
    const other = new Database(file, { readonly: true });
    expect(other.query("pragma journal_mode").get()).toEqual({ journal_mode: "wal" });
    other.close();
    const refused = store.workflows.save({ userId: "usr_nobody", name: "x", definition: {} });
    expect((await errorOf(refused)).code).toBe("failed_precondition");
    await store.close();
  });

  test("a file that is no database, a folder, and a missing file name are told apart, at once", async () => {
    await using folder = await tempFolder("opening");
    const garbage = join(folder.path, "garbage.db");
    await writeFile(garbage, "this is not a database, whatever its name says".repeat(100));
    await mkdir(join(folder.path, "folder.db"));
    const refusals = [
      open({ driver: "sqlite", file: garbage }),
      open({ driver: "sqlite", file: join(folder.path, "folder.db") }),
      open({ driver: "sqlite" }),
    ].map(errorOf);
    const [notADatabase, aFolder, noFile] = await Promise.all(refusals);
    expect(notADatabase?.code).toBe("failed_precondition");
    expect(notADatabase?.message).toContain("open database: the file is not a database");
    expect(aFolder?.code).toBe("invalid_argument");
    expect(noFile?.code).toBe("invalid_argument");
  });

  test("a schema of a later release is refused and left alone", async () => {
    await using folder = await tempFolder("opening");
    const file = join(folder.path, "reliant.db");
    await (await open({ driver: "sqlite", file })).close();
    const database = new Database(file);
    database.run("insert into schema_versions values (?, ?)", [NEWER.version, NEWER.appliedAt]);
    database.close();
    const refused = await errorOf(open({ driver: "sqlite", file }));
    expect(refused.code).toBe("schema_too_new");
    expect(refused.message).toContain(`version ${NEWER.version}`);
  });

  test("another process that holds the writer's lock is waited for without blocking this one", async () => {
    await using folder = await tempFolder("opening");
    const file = join(folder.path, "reliant.db");
    const store = await open({ driver: "sqlite", file });
    const holder = new Database(file);
    holder.run("begin immediate");
    const making = aUser(store);
    let turns = 0;
    await eventually("the event loop to go on meanwhile", () => ++turns > 5);
    holder.run("commit");
    holder.close();
    expect(await making).toStartWith("usr_");
    await store.close();
  });

  test("a store that is closed says so", async () => {
    await using folder = await tempFolder("opening");
    const store = await open({ driver: "sqlite", file: join(folder.path, "reliant.db") });
    await store.close();
    await store.close();
    await expect(store.users.get("usr_x")).rejects.toThrow();
  });
});

describe("opening a store on postgres", () => {
  let server: OwnPostgresServer | undefined;
  const started = (): OwnPostgresServer => {
    if (server === undefined) throw new Error("the server was not started");
    return server;
  };
  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
  }, 60_000);

  test("processes that start at the same time migrate once", async () => {
    await using database = await started().freshDatabase("opening");
    const printed = await openInProcesses({ driver: "postgres", url: database.url }, 4);
    expect(new Set(printed).size).toBe(1);
    expect(printed[0]).toStartWith("usr_");
    const sql = postgres(database.url, { max: 1 });
    expect((await sql`select count(*)::int as count from schema_versions`)[0]?.count).toBe(MIGRATIONS.length);
    await sql.end();
  });

  test("a schema of a later release is refused and left alone", async () => {
    await using database = await started().freshDatabase("opening");
    await (await open({ driver: "postgres", url: database.url })).close();
    const sql = postgres(database.url, { max: 1 });
    await sql`insert into schema_versions values (${NEWER.version}, ${NEWER.appliedAt})`;
    await sql.end();
    const refused = await errorOf(open({ driver: "postgres", url: database.url }));
    expect(refused.code).toBe("schema_too_new");
  });

  test("works behind a pooler, where nothing may stay on a session", async () => {
    await using database = await started().freshDatabase("opening");
    const store = await open({ driver: "postgres", url: database.url }, { pooler: true });
    const { chat } = await aChatWithCalls(store, 3);
    await updatesOf(store, chat.id);
    await store.close();
  });

  test("a missing database is told at once, and a password is never told", async () => {
    const url = new URL(started().url);
    url.password = "hunter2secret";
    url.pathname = "/there_is_none";
    const missing = await errorOf(open({ driver: "postgres", url: url.href }));
    expect(missing.code).toBe("failed_precondition");
    expect(missing.message).toContain("there is no such database");
    const nonsense = await errorOf(open({ driver: "postgres", url: "http://me:hunter2secret@host/x" }));
    expect(nonsense.code).toBe("invalid_argument");
    expect(`${missing.message}${nonsense.message}`).not.toContain("hunter2secret");
    expect((await errorOf(open({ driver: "postgres" }))).code).toBe("invalid_argument");
  });

  test("while the database is away it is tried again, each try is told, and the signal ends it", async () => {
    const port = await freePort();
    const attempts: ReliantError[] = [];
    const stop = new AbortController();
    const opening = openStore({
      driver: "postgres",
      url: `postgres://me:hunter2secret@127.0.0.1:${port}/x`,
      clock: systemClock,
      announce: () => undefined,
      signal: stop.signal,
      onAttemptFailed: ({ number, error }) => {
        attempts.push(error);
        if (number === 3) stop.abort(new Error("told to stop"));
      },
    });
    await expect(opening).rejects.toThrow("told to stop");
    expect(attempts.map(({ code }) => code)).toEqual(["unavailable", "unavailable", "unavailable"]);
    expect(attempts.map(({ message }) => message).join()).not.toContain("hunter2secret");
  });

  test("a server that is killed makes calls unavailable, and the same store goes on when it is back", async () => {
    await using own = await startPostgres();
    await using database = await own.freshDatabase("killed");
    const store = await open({ driver: "postgres", url: database.url });
    const chat = await aChat(store);
    const sending = Promise.allSettled(Array.from({ length: 30 }, (_, index) => say(store, chat, `${index}`)));
    await own.kill9();
    await sending;
    expect((await errorOf(store.users.get(chat.userId))).code).toBe("unavailable");
    expect((await errorOf(store.check(AbortSignal.timeout(5000)))).code).toBe("unavailable");
    await own.restart();
    await eventually("the store to answer again", async () => {
      await store.check(AbortSignal.timeout(1000));
      return true;
    });
    await say(store, chat, "after the restart");
    const events = (await updatesOf(store, chat.id)).map(({ event }) => event);
    const messages = events.filter(({ kind }) => kind === "message");
    const listed = await store.chats.listMessages({
      userId: chat.userId,
      chatId: chat.id,
      afterPosition: 0,
      limit: 100,
    });
    expect(messages).toHaveLength(listed.messages.length);
    expect(store.stats().transactionsOpen).toBe(0);
    await store.close();
  }, 60_000);

  test("a transaction whose session is ended runs nothing in the next session", async () => {
    await using database = await started().freshDatabase("lost");
    const store = await open({ driver: "postgres", url: database.url });
    const chat = await aChat(store);
    const admin = postgres(database.url, { max: 1 });
    for (let round = 0; round < 10; round++) {
      const sending = Promise.allSettled(Array.from({ length: 10 }, () => say(store, chat, `round ${round}`)));
      await admin`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`;
      await sending;
    }
    await admin.end();
    const { messages, sequence } = await store.chats.listMessages({
      userId: chat.userId,
      chatId: chat.id,
      afterPosition: 0,
      limit: 200,
    });
    const updates = await updatesOf(store, chat.id);
    expect(updates).toHaveLength(sequence);
    expect(updates.filter(({ event }) => event.kind === "message")).toHaveLength(messages.length);
    expect(messages.map(({ position }) => position)).toEqual(messages.map((_, index) => index + 1));
    await store.close();
  });

  test("a transaction whose session is ended at its commit is told as one that may be tried again", async () => {
    await using database = await started().freshDatabase("commit");
    const options = { url: database.url, pooler: false, statementMs: 5_000, clock: systemClock };
    const kysely = new Kysely<Tables>({ dialect: postgresDialect(options) });
    const db = new StoreDatabase(kysely, "postgres", systemClock, () => undefined);
    const admin = postgres(database.url, { max: 1 });
    const ended = db.write("write something", async ({ db }) => {
      const { rows } = await sql<{ readonly pid: number }>`select pg_backend_pid() as pid`.execute(db);
      await admin`select pg_terminate_backend(${rows[0]?.pid ?? 0}, 5000)`;
    });
    await expect(ended).rejects.toMatchObject({ code: "unavailable" });
    const { rows } = await db.read("look again", (db) => sql`select 1 as one`.execute(db));
    expect(rows).toEqual([{ one: 1 }]);
    await admin.end();
    await kysely.destroy();
  });
});
