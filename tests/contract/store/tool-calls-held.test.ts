import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import postgres from "postgres";
import { LIMITS } from "../../../src/core/limits.ts";
import { DAEMON_MOVES, DISPATCHES } from "../../../src/store/kysely/calls-together.ts";
import { STORE_TEST_MS } from "./describe-on-stores.ts";
import { DONE, dispatched } from "./dispatched-calls.ts";
import { STORE_DRIVERS, type StoreDriver } from "./store-drivers.ts";
import { aChatWithCalls, aDaemon, aUser, dispatch, errorOf, updatesOf } from "./store-verbs.ts";

setDefaultTimeout(STORE_TEST_MS);

const GRANT = { kind: "answer", answer: "grant" } as const;
const ACK = { kind: "answer", answer: "ack", outcome: "succeeded" } as const;

/** What only a second session of Postgres shows: another transaction in the middle, while many calls move at once. */
describe("calls that move at the same time in postgres", () => {
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
    const sql = postgres(db.options.url, { max: 3, onnotice: () => undefined });
    return { db, sql, store: db.store, userId: await aUser(db.store), nowMs: db.clock.now() };
  };

  /** What another transaction holds of one of several chats with a call each: its row, its daemon's, its chat's. */
  const HOLDS = {
    call: (sql: postgres.TransactionSql, { callIds }: Held) =>
      sql`select 1 from tool_calls where id = ${callIds[0] ?? ""} for update`,
    daemon: (sql: postgres.TransactionSql, { fence }: Held) =>
      sql`update daemons set last_seen_at = 1 where id = ${fence.daemonId}`,
    chat: (sql: postgres.TransactionSql, { chat }: Held) => sql`update chats set title = 'x' where id = ${chat.id}`,
  };

  for (const [what, hold] of Object.entries(HOLDS)) {
    test(`one whose ${what} somebody holds keeps no other from being granted and ended, and is itself after that`, async () => {
      const { db, sql, store, userId, nowMs } = await open();
      await using _ = db;
      const held = await dispatched(store, userId, nowMs, 1);
      const others = await Promise.all(Array.from({ length: 10 }, () => dispatched(store, userId, nowMs, 1)));
      const moved = (act: "ready" | "finish") => others.map((each) => each[act](each.callIds[0] ?? ""));
      let settled = false;
      const late = await sql.begin(async (frozen) => {
        await hold(frozen, held);
        const first = moved("ready");
        const waiting = held.ready(held.callIds[0] ?? "").finally(() => {
          settled = true;
        });
        expect(await Promise.all(first)).toEqual(others.map(() => GRANT));
        expect(await Promise.all(moved("finish"))).toEqual(others.map(() => ACK));
        expect(settled).toBe(false);
        return { waiting };
      });
      expect(await late.waiting).toEqual(GRANT);
      await sql.end();
    });
  }

  test("more chats than wait at once are held: what is free goes on, and the held are granted when they are free", async () => {
    const { db, sql, store, userId, nowMs } = await open();
    await using _ = db;
    const some = (count: number) =>
      Promise.all(Array.from({ length: count }, () => dispatched(store, userId, nowMs, 3)));
    const [held, free] = [await some(LIMITS.callsAside + 2), await some(3)];
    const readyAll = (chats: typeof held) =>
      Promise.all(chats.flatMap(({ callIds, ready }) => callIds.map((id) => ready(id))));
    const late = await sql.begin(async (frozen) => {
      for (const { chat } of held) await frozen`update chats set title = 'x' where id = ${chat.id}`;
      const waiting = readyAll(held);
      for (const each of free) expect(await readyAll([each])).toEqual([GRANT, GRANT, GRANT]);
      const waiters = await sql`select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      // One place a chat, and no more than there are places.
      expect(waiters.length).toBeLessThanOrEqual(LIMITS.callsAside);
      return { waiting };
    });
    expect(await late.waiting).toEqual(held.flatMap(() => [GRANT, GRANT, GRANT]));
    for (const { chat } of held) {
      const { sequence } = await store.chats.get(userId, chat.id);
      expect(await updatesOf(store, chat.id)).toHaveLength(sequence);
    }
    await sql.end();
  });

  test("several of one chat are one statement, one commit and one announcement", async () => {
    const { db, sql, store, userId, nowMs } = await open();
    await using _ = db;
    const [other, mine] = [await dispatched(store, userId, nowMs, 1), await dispatched(store, userId, nowMs, 9)];
    const { sequence } = await store.chats.get(userId, mine.chat.id);
    const before = db.announced.length;
    // What comes for itself is done alone: the others are together behind it.
    await Promise.all([...other.callIds.map((id) => other.ready(id)), ...mine.callIds.map((id) => mine.ready(id))]);
    const announced = db.announced.slice(before).filter((one) => one.kind === "chat_sequence");
    expect(announced.filter(({ chatId }) => chatId === mine.chat.id).map((one) => one.sequence)).toEqual([
      sequence + 9,
    ]);
    const rows = await sql`select distinct xmin::text from tool_calls where chat_id = ${mine.chat.id}`;
    expect(rows).toHaveLength(1);
    const events = (await updatesOf(store, mine.chat.id)).slice(-9).map(({ event }) => event);
    expect(events.map((event) => event.kind === "tool_call" && event.toolCallId)).toEqual([...mine.callIds]);
    await sql.end();
  });

  for (const [what, { text }] of Object.entries({ DAEMON_MOVES, DISPATCHES })) {
    test(`the statement of ${what} finds each row by its primary key, also in tables of which nothing is known`, async () => {
      const { db, sql } = await open();
      await using _ = db;
      const plan = await sql.begin(async (session) => {
        await session`set local plan_cache_mode = force_generic_plan`;
        await session`set local random_page_cost = 1.1`;
        await session.unsafe(`prepare together as ${text}`);
        const lists = text.match(/\$\d+/g)?.map(() => "'{1,2,3}'");
        return session.unsafe(`explain execute together(${lists?.join(", ")})`);
      });
      const scans = plan
        .map((row) => String(row["QUERY PLAN"]))
        .filter((line) => / on (tool_calls|chats|daemons)/.test(line));
      const reads = scans.filter((line) => line.includes("Scan"));
      expect(reads.length).toBeGreaterThan(3);
      expect(reads.filter((line) => !line.includes("_pkey"))).toEqual([]);
      await sql.end();
    });
  }

  test("one that the database refuses takes none of the others along", async () => {
    const { db, sql, store, userId, nowMs } = await open();
    await using _ = db;
    const mine = await dispatched(store, userId, nowMs, 9);
    const refused = mine.callIds[4] ?? "";
    await sql`create function refuse() returns trigger language plpgsql
      as 'begin raise exception ''refused''; end'`;
    await sql.unsafe(`create trigger refused before update on tool_calls for each row
      when (new.id = '${refused}') execute function refuse()`);
    const outcomes = await Promise.allSettled(mine.callIds.map((id) => mine.ready(id)));
    expect(outcomes.map(({ status }) => status)).toEqual(
      mine.callIds.map((id) => (id === refused ? "rejected" : "fulfilled")),
    );
    await sql`drop trigger refused on tool_calls`;
    expect(await Promise.all(mine.callIds.map((id) => mine.finish(id)))).toEqual(
      // The refused one was never granted.
      mine.callIds.map((id) => (id === refused ? { kind: "answer", answer: "none" } : ACK)),
    );
    expect((await updatesOf(store, mine.chat.id)).length).toBe((await store.chats.get(userId, mine.chat.id)).sequence);
    await sql.end();
  });

  test("a dispatch to a daemon that is not there fails alone", async () => {
    const { db, sql, store, userId, nowMs } = await open();
    await using _ = db;
    const { callIds } = await aChatWithCalls(store, 6, userId);
    const { fence } = await aDaemon(store, userId, nowMs);
    const nowhere = callIds[3];
    const outcomes = callIds.map((id) => dispatch(store, id, id === nowhere ? "dmn_nowhere" : fence.daemonId, nowMs));
    const settled = await Promise.allSettled(outcomes);
    expect(settled.map(({ status }) => status)).toEqual(
      callIds.map((id) => (id === nowhere ? "rejected" : "fulfilled")),
    );
    expect((await errorOf(outcomes[3] ?? Promise.resolve())).message).toContain("dispatch tool call");
    expect((await store.toolCalls.get(nowhere ?? "")).state).toBe("requested");
    await sql.end();
  });

  test("two gateways and who cancels move calls of the same chats at once, and nobody waits in a circle", async () => {
    const { db, sql, store, userId, nowMs } = await open();
    await using _ = db;
    const chats = await Promise.all([10, 10, 10].map((count) => dispatched(store, userId, nowMs, count)));
    // A circle is broken only after that: far beyond the time that a statement has.
    await sql.unsafe(`do $$ begin
      execute format('alter database %I set deadlock_timeout = 120000', current_database()); end $$`);
    const gateways = [await db.openAnother(), await db.openAnother()] as const;
    const CANCELLED = { kind: "answer", answer: "ack", outcome: "cancelled" } as const;
    const acts = chats.flatMap(({ chat, callIds, fence, journalId }, at) => [
      ...callIds.map(async (toolCallId, index) => {
        const { toolCalls } = gateways[(index + at) % 2 === 0 ? 0 : 1];
        await toolCalls.daemonReady(fence, { toolCallId, journalId });
        return toolCalls.daemonResult(fence, { toolCallId, journalId, ending: "cancelled", result: DONE });
      }),
      ...gateways.map(async ({ chats: theirs, daemons }) => {
        await daemons.markConnected(fence, nowMs);
        await theirs.requestCancel(userId, chat.id);
        return CANCELLED;
      }),
    ]);
    expect(await Promise.all(acts)).toEqual(acts.map(() => CANCELLED));
    for (const { chat } of chats) {
      expect(await updatesOf(store, chat.id)).toHaveLength((await store.chats.get(userId, chat.id)).sequence);
    }
    await sql.end();
  });
});

type Held = Awaited<ReturnType<typeof dispatched>>;
