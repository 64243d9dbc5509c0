import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import postgres from "postgres";
import { eventually } from "../../support/eventually.ts";
import { STORE_TEST_MS } from "./describe-on-stores.ts";
import { STORE_DRIVERS, type StoreDriver } from "./store-drivers.ts";
import { aChat, aChatWithCalls, aDaemon, aUser, dispatch, say, updatesOf } from "./store-verbs.ts";

setDefaultTimeout(STORE_TEST_MS);

/** What only a second session of Postgres shows: another transaction in the middle, at the worst moment. */
describe("the store's locks in postgres", () => {
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

  /** Resolves when somebody waits for a lock in this database. */
  const someoneWaits = (sql: postgres.Sql) =>
    eventually("a session to wait for a lock", async () => {
      const rows = await sql`select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      return rows.length > 0;
    });

  for (const event of ["ready", "result"] as const) {
    test(`a ${event} waits for an epoch that is about to move, and is refused when it has`, async () => {
      const { db, url } = await open();
      await using _ = db;
      const { store, clock } = db;
      const sql = postgres(url, { max: 2 });
      const userId = await aUser(store);
      const { callIds } = await aChatWithCalls(store, 1, userId);
      const [toolCallId = ""] = callIds;
      const { fence, journalId } = await aDaemon(store, userId, clock.now());
      await dispatch(store, toolCallId, fence.daemonId, clock.now());
      if (event === "result") await store.toolCalls.daemonReady(fence, { toolCallId, journalId });
      const { state } = await store.toolCalls.get(toolCallId);

      let answer: Promise<unknown> = Promise.resolve();
      await sql.begin(async (hello) => {
        await hello`update daemons set epoch = epoch + 1 where id = ${fence.daemonId}`;
        answer =
          event === "ready"
            ? store.toolCalls.daemonReady(fence, { toolCallId, journalId })
            : store.toolCalls.daemonResult(fence, { toolCallId, journalId, ending: "finished" });
        await someoneWaits(sql);
      });
      expect(await answer).toEqual({ kind: "fenced" });
      expect((await store.toolCalls.get(toolCallId)).state).toBe(state);
      await sql.end();
    });
  }

  test("a number is given only when the smaller ones stand: whoever is later waits", async () => {
    const { db, url } = await open();
    await using _ = db;
    const { store } = db;
    const sql = postgres(url, { max: 2 });
    const chat = await aChat(store);
    let saying: Promise<unknown> = Promise.resolve();
    await sql.begin(async (earlier) => {
      await earlier`update chats set sequence = sequence + 1 where id = ${chat.id}`;
      await earlier`insert into chat_updates (chat_id, sequence, event)
        values (${chat.id}, 1, ${JSON.stringify({ kind: "attempt_started", messageId: "msg_x", attempt: 1 })})`;
      saying = say(store, chat, "later");
      await someoneWaits(sql);
      expect(await store.updates.chatUpdates(chat.id, 0, 10)).toEqual([]);
    });
    await saying;
    expect((await updatesOf(store, chat.id)).map(({ event }) => event.kind)).toEqual([
      "attempt_started",
      "message",
      "run",
    ]);
    await sql.end();
  });

  test("a transaction that the database breaks off as a deadlock is made again", async () => {
    const { db, url } = await open();
    await using _ = db;
    const { store } = db;
    const sql = postgres(url, { max: 2, connection: { deadlock_timeout: 60_000 } });
    const chat = await aChat(store);
    // The other one takes the same locks the wrong way round; its own patience is longer, so the store's is broken off.
    let saying: Promise<unknown> = Promise.resolve();
    await sql.begin(async (wrongWay) => {
      await wrongWay`select 1 from users where id = ${chat.userId} for update`;
      saying = say(store, chat, "hello");
      await someoneWaits(sql);
      await wrongWay`select 1 from chats where id = ${chat.id} for update`;
    });
    expect(await saying).toMatchObject({ run: { state: "running" } });
    expect(await updatesOf(store, chat.id)).toHaveLength(2);
    await sql.end();
  });
});
