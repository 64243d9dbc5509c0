import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import postgres from "postgres";
import { eventually } from "../../support/eventually.ts";
import { STORE_TEST_MS } from "./describe-on-stores.ts";
import { STORE_DRIVERS, type StoreDriver } from "./store-drivers.ts";
import { aChat, aChatWithCalls, aClaim, aDaemon, aUser, dispatch, say, updatesOf } from "./store-verbs.ts";

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

  test("a daemon whose row somebody holds keeps nobody else from being welcomed, and is welcomed when it is free", async () => {
    const { db, url } = await open();
    await using _ = db;
    const { store, clock } = db;
    const sql = postgres(url, { max: 2 });
    const userId = await aUser(store);
    const { claim, fence } = await aDaemon(store, userId, clock.now());
    const claims = Array.from({ length: 20 }, () => aClaim(userId));
    const order: string[] = [];
    const noted = async <T>(what: string, answer: Promise<T>) => {
      const value = await answer;
      order.push(what);
      return value;
    };
    let held: Promise<unknown> = Promise.resolve();
    await sql.begin(async (frozen) => {
      await frozen`select 1 from daemons where id = ${fence.daemonId} for update`;
      // The first of all, so that it is a batch of its own.
      held = Promise.all([
        noted("held hello", store.daemons.hello({ ...claim, lastEpoch: 1 })),
        noted("held going", store.daemons.markDisconnected(fence)),
      ]);
      const welcomed = claims.map(async (each) => {
        expect(await store.daemons.hello(each)).toEqual({ kind: "taken", epoch: 1 });
        expect(await store.daemons.markConnected({ daemonId: each.daemonId, epoch: 1 }, clock.now())).toBe(true);
      });
      await Promise.all(welcomed);
      order.push("the others");
    });
    expect(await held).toEqual([{ kind: "taken", epoch: 2 }, undefined]);
    expect(order[0]).toBe("the others");
    await sql.end();
  });

  test("a daemon that another gateway is making keeps nobody else from being welcomed", async () => {
    const { db, url } = await open();
    await using _ = db;
    const { store } = db;
    const sql = postgres(url, { max: 2 });
    const userId = await aUser(store);
    const claims = Array.from({ length: 20 }, () => aClaim(userId));
    const made = aClaim(userId, { name: "slow" });
    // Whoever makes that one stands still in the middle of it, for as long as the test likes.
    await sql`create function stand_still() returns trigger language plpgsql
      as 'begin perform pg_advisory_xact_lock(1); return new; end'`;
    await sql`create trigger slow after insert on daemons for each row
      when (new.name = 'slow') execute function stand_still()`;
    const other = await db.openAnother();
    let answers: Promise<unknown> = Promise.resolve();
    await sql.begin(async (holder) => {
      await holder`select pg_advisory_xact_lock(1)`;
      const frozen = other.daemons.hello(made);
      await someoneWaits(sql);
      const late = store.daemons.hello({ ...made, name: "quick" });
      const welcomed = await Promise.all(claims.map((claim) => store.daemons.hello(claim)));
      expect(welcomed).toEqual(claims.map(() => ({ kind: "taken", epoch: 1 })));
      answers = Promise.all([frozen, late]);
    });
    expect(await answers).toEqual([
      { kind: "taken", epoch: 1 },
      { kind: "epoch", currentEpoch: 1 },
    ]);
    await sql.end();
  });

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
