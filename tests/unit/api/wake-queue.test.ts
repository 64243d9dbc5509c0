import { expect, test } from "bun:test";
import { WakeQueue } from "../../../src/api/wake-queue.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** A row whose clearing fails. */
const STAYS = "out_stays";

/** An engine that takes a wake when it is let, and an outbox that notes what was cleared, clearing by clearing. */
function world() {
  const asked: { readonly chatId: string; take(): void; refuse(): void }[] = [];
  const cleared: (readonly string[])[] = [];
  const engine = {
    wake: (chatId: string) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      asked.push({ chatId, take: resolve, refuse: () => reject(new Error("the engine is away")) });
      return promise;
    },
  };
  const outbox = {
    claim: async () => [],
    done: async (ids: readonly string[]) => {
      if (ids.includes(STAYS)) throw new Error("the store is away");
      cleared.push(ids);
    },
    release: async () => undefined,
  };
  const clock = new ManualClock();
  const wakes = new WakeQueue({ store: { outbox }, engine, clock });
  return { wakes, asked, cleared, clock, chatIds: () => asked.map(({ chatId }) => chatId) };
}

test("the engine is asked at once, and the row is cleared when it has taken the wake, not before", async () => {
  const { wakes, asked, cleared, chatIds } = world();
  wakes.wake("chat_1", "out_1");
  expect(chatIds()).toEqual(["chat_1"]);
  expect(cleared).toEqual([]);
  asked[0]?.take();
  await wakes.stop();
  expect(cleared).toEqual([["out_1"]]);
});

test("what the engine refuses stays in the outbox, and the next chat is told all the same", async () => {
  const { wakes, asked, cleared } = world();
  wakes.wake("chat_1", "out_1");
  wakes.wake("chat_2", "out_2");
  asked[0]?.refuse();
  asked[1]?.take();
  await wakes.stop();
  expect(cleared).toEqual([["out_2"]]);
});

test("a chat that waits for its turn is woken once for all of its messages", async () => {
  const { wakes, asked, cleared, chatIds } = world();
  for (let at = 0; at < LIMITS.wakesAtOnce; at++) wakes.wake(`chat_${at}`, `out_${at}`);
  wakes.wake("chat_busy", "out_first");
  wakes.wake("chat_busy", "out_second");
  expect(asked).toHaveLength(LIMITS.wakesAtOnce);
  asked[0]?.take();
  await eventually("the chat's turn", () => chatIds().includes("chat_busy"));
  for (const each of asked) each.take();
  await wakes.stop();
  expect(chatIds().filter((chatId) => chatId === "chat_busy")).toHaveLength(1);
  expect(cleared.flat()).toContain("out_first");
  expect(cleared.flat()).toContain("out_second");
});

test("what finds no room is left to the outbox", async () => {
  const { wakes, asked, cleared, chatIds } = world();
  const room = LIMITS.wakesAtOnce + LIMITS.wakesWaiting;
  for (let at = 0; at < room + 1; at++) wakes.wake(`chat_${at}`, `out_${at}`);
  for (let at = 0; at < room; at++) {
    await eventually("the next wake", () => asked.length > at);
    asked[at]?.take();
  }
  await wakes.stop();
  expect(chatIds()).toHaveLength(room);
  expect(cleared.flat()).toHaveLength(room);
  expect(cleared.flat()).not.toContain(`out_${room}`);
});

test("it stops when the engine knows of all that waits; once the engine refuses, the outbox has the rest", async () => {
  const { wakes, asked, chatIds } = world();
  for (let at = 0; at < LIMITS.wakesAtOnce + 2; at++) wakes.wake(`chat_${at}`, `out_${at}`);
  const stopped = wakes.stop();
  wakes.wake("chat_late", "out_late");
  asked[0]?.take();
  await eventually("one more", () => asked.length === LIMITS.wakesAtOnce + 1);
  for (const each of asked) each.refuse();
  await stopped;
  expect(chatIds()).toHaveLength(LIMITS.wakesAtOnce + 1);
});

test("an engine that does not answer holds up its stopping for a bounded time; the outbox has what waits", async () => {
  const { wakes, asked, cleared, clock, chatIds } = world();
  for (let at = 0; at < LIMITS.wakesAtOnce + 2; at++) wakes.wake(`chat_${at}`, `out_${at}`);
  let stopped = false;
  const stopping = wakes.stop().then(() => {
    stopped = true;
  });
  await clock.advance(LIMITS.wakesStopMs - 1);
  expect(stopped).toBe(false);
  await clock.advance(1);
  await stopping;
  // It answers at last: what it took is cleared, and nothing more is asked.
  for (const each of asked) each.take();
  await eventually("what it took to be cleared", () => cleared.flat().length === LIMITS.wakesAtOnce);
  expect(chatIds()).toHaveLength(LIMITS.wakesAtOnce);
});

test("a row that cannot be cleared stops nothing: the engine is told of what waits, also while it stops", async () => {
  const { wakes, asked, cleared, chatIds } = world();
  wakes.wake("chat_first", STAYS);
  for (let at = 0; at < LIMITS.wakesAtOnce; at++) wakes.wake(`chat_${at}`, `out_${at}`);
  const stopped = wakes.stop();
  asked[0]?.take();
  await eventually("the last one's turn", () => asked.length === LIMITS.wakesAtOnce + 1);
  for (const each of asked) each.take();
  await stopped;
  expect(chatIds()).toContain(`chat_${LIMITS.wakesAtOnce - 1}`);
  expect(cleared.flat()).toHaveLength(LIMITS.wakesAtOnce);
});
