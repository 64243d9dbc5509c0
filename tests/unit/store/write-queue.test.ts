import { describe, expect, test } from "bun:test";
import { WriteQueue } from "../../../src/store/write-queue.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";

const BOUNDS = { maxEntries: 3, maxBytes: 100, flushMs: 200, retryMaxMs: 1000 };

/** A queue, what it wrote, and a database that can be away. */
function aQueue(bounds = BOUNDS) {
  const clock = new ManualClock();
  const written: string[][] = [];
  const told: string[] = [];
  const database = { away: false };
  const queue = new WriteQueue<string>(
    clock,
    bounds,
    async (values) => {
      if (database.away) throw new Error("away");
      written.push([...values]);
    },
    {
      onDropped: (count) => told.push(`dropped ${count}`),
      onFailed: () => told.push("failed"),
    },
  );
  return { clock, queue, written, told, database };
}

describe("the write queue", () => {
  test("writes the latest of each key together, after a short while", async () => {
    const { clock, queue, written } = aQueue();
    queue.put("a", "a1", 1);
    queue.put("b", "b1", 1);
    queue.put("a", "a2", 1);
    expect(queue.depth).toBe(2);
    await clock.advance(199);
    expect(written).toEqual([]);
    await clock.advance(1);
    expect(written).toEqual([["a2", "b1"]]);
    expect(queue.depth).toBe(0);
    await clock.advance(10_000);
    expect(written).toHaveLength(1);
  });

  test("waits longer after each write that failed, whatever comes meanwhile", async () => {
    const { clock, queue, told, written, database } = aQueue();
    database.away = true;
    queue.put("a", "a1", 1);
    for (let second = 0; second < 60; second++) {
      queue.put("b", `b${second}`, 1);
      await clock.advance(1_000);
    }
    // A wait is at least half of its bound (`core/backoff.ts`).
    expect(told.length).toBeLessThan(60_000 / (BOUNDS.retryMaxMs / 2) + 5);
    database.away = false;
    await clock.advance(BOUNDS.retryMaxMs);
    expect(written).toEqual([["a1", "b59"]]);
  });

  test("drops what does not fit, counts it, and says so once", async () => {
    const { clock, queue, written, told } = aQueue();
    for (const key of ["a", "b", "c", "d", "e"]) queue.put(key, key, 1);
    queue.put("a", "newer", 1);
    expect(queue.dropped).toBe(2);
    await clock.advance(200);
    expect(written).toEqual([["newer", "b", "c"]]);
    expect(told).toEqual(["dropped 2"]);
  });

  test("is bounded in bytes, too: a larger value for a key counts with its growth only", async () => {
    const { clock, queue, written } = aQueue();
    queue.put("a", "sixty", 60);
    queue.put("a", "ninety", 90);
    queue.put("b", "twenty", 20);
    expect(queue.dropped).toBe(1);
    await clock.advance(200);
    expect(written).toEqual([["ninety"]]);
    queue.put("b", "twenty", 20);
    await clock.advance(200);
    expect(written).toEqual([["ninety"], ["twenty"]]);
  });

  test("tries again while the database is away, with what came meanwhile in place of what is older", async () => {
    const { clock, queue, written, told, database } = aQueue();
    database.away = true;
    queue.put("a", "a1", 1);
    queue.put("b", "b1", 1);
    await clock.advance(200);
    expect(told).toEqual(["failed"]);
    expect(queue.depth).toBe(2);
    queue.put("a", "a2", 1);
    database.away = false;
    await clock.advance(2000);
    expect(written).toEqual([["a2", "b1"]]);
  });

  test("writes what is queued when it is closed, and takes nothing afterwards", async () => {
    const { clock, queue, written } = aQueue();
    queue.put("a", "a1", 1);
    await queue.close();
    expect(written).toEqual([["a1"]]);
    queue.put("b", "b1", 1);
    await clock.advance(10_000);
    await settle();
    expect(written).toEqual([["a1"]]);
    expect(queue.dropped).toBe(1);
  });

  test("ends also where the last write fails", async () => {
    const { queue, told, database } = aQueue();
    database.away = true;
    queue.put("a", "a1", 1);
    await queue.close();
    expect(told).toEqual(["failed", "dropped 1"]);
  });
});
