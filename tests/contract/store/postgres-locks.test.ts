import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import postgres from "postgres";
import type { Store } from "../../../src/store/store.ts";
import { eventually } from "../../support/eventually.ts";
import { STORE_TEST_MS } from "./describe-on-stores.ts";
import { STORE_DRIVERS, type StoreDriver } from "./store-drivers.ts";
import { aChat, aChatWithCalls, aClaim, aDaemon, aUser, dispatch, say, updatesOf } from "./store-verbs.ts";

setDefaultTimeout(STORE_TEST_MS);

/** Daemons that said hello and are marked as gone. */
async function someDaemons(store: Store, userId: string, nowMs: number, count: number) {
  const first = await aDaemon(store, userId, nowMs);
  const rest = await Promise.all(Array.from({ length: count - 1 }, () => aDaemon(store, userId, nowMs)));
  return [first, ...rest] as const;
}

async function lastNumber(sql: postgres.Sql, userId: string): Promise<number> {
  const [row] = await sql<{ readonly sequence: string }[]>`select sequence from users where id = ${userId}`;
  return Number(row?.sequence);
}

/** A promise that can be asked whether it is settled. */
function settling<T>(promise: Promise<T>) {
  let settled = false;
  const noted = promise.finally(() => {
    settled = true;
  });
  return { promise: noted, settled: () => settled };
}

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

  /** How another transaction holds a daemon's row. A lock alone shows to nobody but who locks as well. */
  const HOLDS = {
    "has locked": (sql: postgres.TransactionSql, id: string) => sql`select 1 from daemons where id = ${id} for update`,
    "is changing": (sql: postgres.TransactionSql, id: string) =>
      sql`update daemons set last_seen_at = 1 where id = ${id}`,
  };

  for (const [does, hold] of Object.entries(HOLDS)) {
    test(`a daemon whose row somebody ${does} keeps nobody else from being welcomed, and is welcomed after that`, async () => {
      const { db, url } = await open();
      await using _ = db;
      const { store, clock } = db;
      const sql = postgres(url, { max: 2 });
      const userId = await aUser(store);
      const { claim, fence } = await aDaemon(store, userId, clock.now());
      // The first is done alone, the others with the held one among them in one batch.
      const claims = Array.from({ length: 20 }, () => aClaim(userId));
      const held = await sql.begin(async (frozen) => {
        await hold(frozen, fence.daemonId);
        const hellos = claims.map((each) => store.daemons.hello(each));
        const late = settling(store.daemons.hello({ ...claim, lastEpoch: 1 }));
        hellos.push(...[aClaim(userId), aClaim(userId)].map((each) => store.daemons.hello(each)));
        expect(await Promise.all(hellos)).toEqual(hellos.map(() => ({ kind: "taken", epoch: 1 })));
        expect(late.settled()).toBe(false);
        return late;
      });
      expect(await held.promise).toEqual({ kind: "taken", epoch: 2 });
      await sql.end();
    });

    test(`a daemon whose row somebody ${does} keeps nobody else from being marked, and is marked after that`, async () => {
      const { db, url } = await open();
      await using _ = db;
      const { store, clock } = db;
      const sql = postgres(url, { max: 2 });
      const userId = await aUser(store);
      const [{ fence }, ...others] = await someDaemons(store, userId, clock.now(), 20);
      const held = await sql.begin(async (frozen) => {
        await hold(frozen, fence.daemonId);
        const marks = others.map((each) => store.daemons.markConnected(each.fence, clock.now()));
        const late = settling(store.daemons.markDisconnected(fence));
        const more = others.map((each) => store.daemons.markDisconnected(each.fence));
        expect(await Promise.all(marks)).toEqual(others.map(() => true));
        await Promise.all(more);
        expect(late.settled()).toBe(false);
        return late;
      });
      await held.promise;
      expect((await store.daemons.find(userId, fence.daemonId))?.connected).toBe(false);
      await sql.end();
    });
  }

  test("a user whose row somebody holds keeps no other user's daemons from being marked; theirs are, together, after that", async () => {
    const { db, url } = await open();
    await using _ = db;
    const { store, clock } = db;
    const sql = postgres(url, { max: 2 });
    const [frozenUser, otherUser] = [await aUser(store), await aUser(store)];
    const theirs = await someDaemons(store, frozenUser, clock.now(), 10);
    const others = await someDaemons(store, otherUser, clock.now(), 10);
    const before = await lastNumber(sql, frozenUser);
    const held = await sql.begin(async (frozen) => {
      await frozen`update users set email = 'x' where id = ${frozenUser}`;
      // The first is done alone; theirs and the others' are in one batch.
      const marks = others.map((each) => store.daemons.markConnected(each.fence, clock.now()));
      const late = settling(Promise.all(theirs.map((each) => store.daemons.markConnected(each.fence, clock.now()))));
      const more = others.map((each) => store.daemons.markConnected(each.fence, clock.now()));
      expect(await Promise.all([...marks, ...more])).toEqual([...others, ...others].map(() => true));
      await someoneWaits(sql);
      const waiting = await sql`select query from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      expect(waiting).toHaveLength(1);
      // Whoever waits for the user holds none of the daemons: their calls go on.
      const free = await sql`select id from daemons where user_id = ${frozenUser} for update skip locked`;
      expect(free).toHaveLength(theirs.length);
      expect(late.settled()).toBe(false);
      return late;
    });
    expect(await held.promise).toEqual(theirs.map(() => true));
    expect(await lastNumber(sql, frozenUser)).toBe(before + theirs.length);
    await sql.end();
  });

  test("daemons of one user that two gateways mark at once are all marked, each with a number of its own", async () => {
    const { db, url } = await open();
    await using _ = db;
    const { store, clock } = db;
    const sql = postgres(url, { max: 1 });
    const other = await db.openAnother();
    const userId = await aUser(store);
    const daemons = await someDaemons(store, userId, clock.now(), 100);
    const before = await lastNumber(sql, userId);
    const marks = daemons.map(({ fence }, index) =>
      (index % 2 === 0 ? store : other).daemons.markConnected(fence, clock.now()),
    );
    expect(await Promise.all(marks)).toEqual(daemons.map(() => true));
    expect(await lastNumber(sql, userId)).toBe(before + daemons.length);
    const numbers = await sql`select sequence from user_updates where user_id = ${userId}`;
    expect(numbers).toHaveLength(before + daemons.length);
    await sql.end();
  });

  test("a daemon whose row somebody holds keeps no others from being noted as seen, nor their calls from being granted", async () => {
    const { db, url } = await open();
    await using _ = db;
    const { store, clock } = db;
    const sql = postgres(url, { max: 2 });
    const userId = await aUser(store);
    const daemons = await someDaemons(store, userId, clock.now(), 10);
    const byId = daemons.toSorted((a, b) => (a.fence.daemonId < b.fence.daemonId ? -1 : 1));
    const [{ fence, journalId }, last] = [byId[0] ?? daemons[0], byId.at(-1)];
    const { callIds } = await aChatWithCalls(store, 1, userId);
    const [toolCallId = ""] = callIds;
    await dispatch(store, toolCallId, fence.daemonId, clock.now());
    const seenAtMs = clock.now() + 60_000;
    const seen = async () => (await store.daemons.list(userId)).filter((each) => each.lastSeenAtMs === seenAtMs);
    await sql.begin(async (frozen) => {
      await frozen`select 1 from daemons where id = ${last?.fence.daemonId ?? ""} for no key update`;
      store.daemons.touch(
        daemons.map((each) => each.fence),
        seenAtMs,
      );
      await eventually("the others to be noted", async () => (await seen()).length === daemons.length - 1);
      expect(await store.toolCalls.daemonReady(fence, { toolCallId, journalId })).toMatchObject({ answer: "grant" });
    });
    store.daemons.touch([last?.fence ?? fence], seenAtMs);
    await eventually("the held one to be noted", async () => (await seen()).length === daemons.length);
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
