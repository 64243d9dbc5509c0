import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import postgres from "postgres";
import { openStore } from "../../../src/store/kysely/kysely-store.ts";
import { MIGRATIONS } from "../../../src/store/kysely/migrations/migrations.ts";
import { eventually } from "../../support/eventually.ts";
import { STORE_DRIVERS, type StoreDriver } from "./store-drivers.ts";
import { aChat, aChatWithCalls, aUser, say } from "./store-verbs.ts";

setDefaultTimeout(60_000);

/** More than one store has sessions, so that each of them has prepared what is asked of it. */
const MANY = 30;

describe("a schema that changes under servers at work, in postgres", () => {
  let driver: StoreDriver | undefined;
  beforeAll(async () => {
    driver = await STORE_DRIVERS.find(({ name }) => name === "postgres")?.start();
  }, 60_000);
  afterAll(async () => {
    await driver?.[Symbol.asyncDispose]();
  }, 60_000);

  const open = async () => {
    const db = await driver?.open();
    if (db?.options.url === undefined) throw new Error("the postgres driver was not started");
    return { db, url: db.options.url };
  };

  test("a table that a backup reads is waited for without holding up anybody else; one server tries, then all go on", async () => {
    const { db, url } = await open();
    await using _ = db;
    const { store, clock } = db;
    const sql = postgres(url, { max: 3 });
    const { callIds } = await aChatWithCalls(store, 1, await aUser(store));
    // As the release before left it: version 3 adds that column.
    await sql`delete from schema_versions where version >= 3`;
    await sql`delete from schema_readers where version >= 3`;
    await sql`alter table tool_calls drop column instance_id`;
    const heldUp: { readonly server: number; readonly message: string }[] = [];
    const opening = await sql.begin(async (backup) => {
      await backup`lock table tool_calls in access share mode`;
      const servers = [1, 2].map((server) =>
        openStore({
          ...{ driver: "postgres", url, clock, announce: () => undefined, signal: AbortSignal.timeout(50_000) },
          onAttemptFailed: ({ error }) => heldUp.push({ server, message: error.message }),
        }),
      );
      // Each of these reads would wait for the backup's end behind a change that waits for it.
      for (let attempts = 1; attempts <= 3; attempts++) {
        await eventually("an attempt to be given up", () => heldUp.length >= attempts);
        expect(await sql`select state from tool_calls where id = ${callIds[0] ?? ""}`).toHaveLength(1);
      }
      return servers;
    });
    const opened = await Promise.all(opening);
    expect(new Set(heldUp.map(({ server }) => server)).size).toBe(1);
    expect(heldUp[0]?.message).toContain("somebody holds what it needs for too long");
    const versions = await sql`select version from schema_versions order by version`;
    expect(versions.map(({ version }) => Number(version))).toEqual(MIGRATIONS.map(({ version }) => version));
    expect((await opened[0]?.toolCalls.get(callIds[0] ?? ""))?.state).toBe("requested");
    await Promise.all(opened.map((each) => each.close()));
    await sql.end();
  });

  test("whose waiting for a table is told to end ends at once, and has changed nothing", async () => {
    const { db, url } = await open();
    await using _ = db;
    const { clock } = db;
    const sql = postgres(url, { max: 2 });
    await sql`delete from schema_versions where version >= 3`;
    await sql`delete from schema_readers where version >= 3`;
    await sql`alter table tool_calls drop column instance_id`;
    const stop = new AbortController();
    await sql.begin(async (backup) => {
      await backup`lock table tool_calls in access share mode`;
      const opening = openStore({
        ...{ driver: "postgres", url, clock, announce: () => undefined, signal: stop.signal },
        onAttemptFailed: () => stop.abort(new Error("told to stop")),
      });
      await expect(opening).rejects.toThrow("told to stop");
    });
    expect(await sql`select version from schema_versions where version >= 3`).toHaveLength(0);
    await sql.end();
  });

  test("transactions of sessions that prepared their statements before a column was added go on after it", async () => {
    const { db, url } = await open();
    await using _ = db;
    const { store } = db;
    const sql = postgres(url, { max: 1 });
    const { callIds } = await aChatWithCalls(store, 2 * MANY, await aUser(store));
    const end = async (toolCallId: string) =>
      (await store.toolCalls.endBeforeRunning({ toolCallId, outcome: "cancelled", reason: "enough" })).state;
    const cancelled = Array.from({ length: MANY }, () => "cancelled" as const);
    expect(await Promise.all(callIds.slice(0, MANY).map(end))).toEqual(cancelled);
    await sql`alter table tool_calls add column later_release text`;
    expect(await Promise.all(callIds.slice(MANY).map(end))).toEqual(cancelled);
    await sql.end();
  });

  test("so do reads of several statements", async () => {
    const { db, url } = await open();
    await using _ = db;
    const { store } = db;
    const sql = postgres(url, { max: 1 });
    const chat = await aChat(store);
    await say(store, chat, "hello");
    const page = { userId: chat.userId, chatId: chat.id, afterPosition: 0, limit: 10 };
    const counts = async () => {
      const lists = await Promise.all(Array.from({ length: MANY }, () => store.chats.listMessages(page)));
      return lists.map(({ messages }) => messages.length);
    };
    const one = Array.from({ length: MANY }, () => 1);
    expect(await counts()).toEqual(one);
    await sql`alter table messages add column later_release text`;
    await sql`alter table chats add column later_release text`;
    expect(await counts()).toEqual(one);
    await sql.end();
  });
});
