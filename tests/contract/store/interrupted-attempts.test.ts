import { expect, test } from "bun:test";
import { newId } from "../../../src/core/ids.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { Store } from "../../../src/store/store.ts";
import { describeOnStores } from "./describe-on-stores.ts";
import { openRaw } from "./raw-database.ts";
import type { StoreUnderTest } from "./store-drivers.ts";
import { aChat, begin, say } from "./store-verbs.ts";

const USAGE = { inputTokens: 10, outputTokens: 5, cachedInputTokens: 2, reasoningTokens: 1 };
const STOPPED = {
  error: { code: "unavailable", message: "the process that asked the model stopped" },
  stopped: true,
} as const;
const OVERLOADED = { code: "provider_failed", message: "overloaded" };

async function anAnswer(store: Store) {
  const chat = await aChat(store);
  const { run } = await say(store, chat, "hello");
  const messageId = newId("msg");
  return { chat, run, messageId, next: () => store.turns.beginAnswer({ runId: run.id, messageId }) };
}

async function usages(db: StoreUnderTest, messageId: string): Promise<readonly unknown[]> {
  await using raw = openRaw(db.options);
  const rows = await raw.rows(`select usage from model_attempts where message_id = '${messageId}' order by attempt`);
  return rows.map(({ usage }) => (typeof usage === "string" ? JSON.parse(usage) : undefined));
}

describeOnStores("attempts that their process broke off", (open) => {
  test("do not count, as often as a rolling restart may come", async () => {
    await using db = await open();
    const { store } = db;
    const { messageId, next } = await anAnswer(store);
    for (let attempt = 1; attempt <= LIMITS.modelStops; attempt++) {
      expect(await next()).toMatchObject({ attempt, asked: 1 });
      await store.turns.noteAttempt({ messageId, attempt }, STOPPED);
    }
    for (let asked = 1; asked <= LIMITS.modelAttempts; asked++) {
      const attempt = LIMITS.modelStops + asked;
      expect(await next()).toMatchObject({ attempt, asked });
      await store.turns.noteAttempt({ messageId, attempt }, { error: OVERLOADED });
    }
    expect(await next()).toMatchObject({
      kind: "settled",
      view: { answer: { state: "failed", error: { message: expect.stringContaining("asked 5 times") } } },
    });
  });

  test("count beyond that, so that the answer ends", async () => {
    await using db = await open();
    const { store } = db;
    const { messageId, next } = await anAnswer(store);
    let attempts = 0;
    while ((await next()).kind === "begun") {
      attempts += 1;
      await store.turns.noteAttempt({ messageId, attempt: attempts }, STOPPED);
    }
    expect(attempts).toBe(LIMITS.modelStops + LIMITS.modelAttempts);
  });

  test("in the middle of a wait that they had taken over leave the wait to the next one", async () => {
    await using db = await open();
    const { store, clock } = db;
    const { run, messageId } = await anAnswer(store);
    await begin(store, run.id, messageId);
    const retryAtMs = clock.now() + 60_000;
    await store.turns.noteAttempt({ messageId, attempt: 1 }, { error: OVERLOADED, retryAtMs });
    expect(await begin(store, run.id, messageId)).toMatchObject({ attempt: 2, asked: 2, notBeforeMs: retryAtMs });
    await store.turns.noteAttempt({ messageId, attempt: 2 }, STOPPED);
    expect(await begin(store, run.id, messageId)).toMatchObject({ attempt: 3, asked: 2, notBeforeMs: retryAtMs });
    // Of the third nobody can tell: it counts.
    expect(await begin(store, run.id, messageId)).toMatchObject({ attempt: 4, asked: 3, notBeforeMs: retryAtMs });
  });
});

describeOnStores("the usage of an attempt whose process was killed", (open) => {
  test("is kept as far as it was known, also when the answer ends without it", async () => {
    await using db = await open();
    const { store } = db;
    const { messageId, next } = await anAnswer(store);
    for (let attempt = 1; attempt <= LIMITS.modelAttempts; attempt++) {
      await next();
      const usage = { ...USAGE, outputTokens: attempt };
      await store.turns.saveLiveBlocks({ messageId, attempt }, [], usage);
    }
    // Whoever is late writes nothing.
    await store.turns.saveLiveBlocks({ messageId, attempt: 1 }, [], { ...USAGE, outputTokens: 99 });
    expect((await next()).kind).toBe("settled");
    const known = [1, 2, 3, 4, 5].map((outputTokens) => ({ ...USAGE, outputTokens }));
    expect(await usages(db, messageId)).toEqual(known);
  });

  test("is kept where a stop is noted that knows of none", async () => {
    await using db = await open();
    const { store } = db;
    const { messageId, next } = await anAnswer(store);
    await next();
    await store.turns.saveLiveBlocks({ messageId, attempt: 1 }, [], USAGE);
    await store.turns.noteAttempt({ messageId, attempt: 1 }, STOPPED);
    expect(await usages(db, messageId)).toEqual([USAGE]);
  });
});
