import { describe, expect, test } from "bun:test";
import { driveClosedLoop } from "../../../src/bench/closed-loop.ts";

/** Time enough for all items; nothing is warm-up. */
const ENOUGH = { warmUpMs: 0, driveMs: 60_000 };

describe("a closed loop", () => {
  test("does each item once, no more at once than there are callers", async () => {
    let [open, most] = [0, 0];
    const done: number[] = [];
    const act = async (item: number) => {
      open += 1;
      most = Math.max(most, open);
      await Promise.resolve();
      open -= 1;
      done.push(item);
    };
    const items = Array.from({ length: 50 }, (_, index) => index);
    const facts = await driveClosedLoop(items, act, { callers: 3, ...ENOUGH });
    expect(done.toSorted((a, b) => a - b)).toEqual(items);
    expect(most).toBe(3);
    expect(facts.acts).toBe(50);
    expect(facts.perSecond).toBeGreaterThan(0);
    expect(facts.p99Ms).toBeGreaterThanOrEqual(facts.p50Ms);
  });

  test("ends with the error of an act, and with one where nothing was counted", async () => {
    const failing = async () => Promise.reject(new Error("no row"));
    await expect(driveClosedLoop([1], failing, { callers: 1, ...ENOUGH })).rejects.toThrow("no row");
    const quick = async () => undefined;
    const tooLong = { callers: 1, warmUpMs: 60_000, driveMs: 0 };
    await expect(driveClosedLoop([1], quick, tooLong)).rejects.toThrow("nothing was measured");
  });
});
