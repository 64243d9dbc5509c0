import { describe, expect, test } from "bun:test";
import { judgeSeries, type SoakWatched } from "../../../src/bench/soak-bounds.ts";
import { LIMITS } from "../../../src/core/limits.ts";

const MINUTE = 60_000;
/** Memory of a worker under steady load, MB, as it was recorded: a heap that is filled and emptied. */
const RECORDED = [264.9, 271.3, 255.1, 259.7, 266.6, 268.9, 273.1, 264.5, 259.4, 266.7];

/** Samples of a soak of so many minutes, 60 of them. */
function series(watched: SoakWatched, minutes: number, value: (atMs: number, index: number) => number) {
  const samples = Array.from({ length: 60 }, (_, index) => {
    const atMs = (index * minutes * MINUTE) / 60;
    return { atMs, value: value(atMs, index) };
  });
  return judgeSeries({ what: "it", unit: "MB", watched, samples }, minutes * MINUTE);
}

const heap = (index: number) => RECORDED[index % RECORDED.length] ?? 0;

describe("a soak of two minutes", () => {
  test("takes a heap that is filled and emptied for steady", () => {
    expect(series("memory", 2, (_, index) => heap(index))).toMatchObject({ rises: false, may: "rise by 32 MB" });
  });

  test("tells of a leak of 100 KB a run at ten runs a second, under that heap", () => {
    const leak = (atMs: number) => (0.1 * 10 * atMs) / 1000;
    expect(series("memory", 2, (atMs, index) => heap(index) + leak(atMs)).rises).toBe(true);
  });

  test("cannot tell of one of 20 KB a run, which half an hour can", () => {
    const leak = (atMs: number) => (0.02 * 10 * atMs) / 1000;
    expect(series("memory", 2, (atMs, index) => heap(index) + leak(atMs)).rises).toBe(false);
    expect(series("memory", 30, (atMs, index) => heap(index) + leak(atMs)).rises).toBe(true);
  });

  test("tells of a file, a process, a session or a workflow that stays open every five seconds", () => {
    const leak = (atMs: number) => 20 + Math.floor(atMs / 5_000);
    for (const watched of ["handles", "children", "sessions", "workflows"] as const) {
      expect(series(watched, 2, leak).rises).toBe(true);
    }
  });

  test("tells of writes for a message that become more with each one", () => {
    expect(series("writes", 2, (atMs) => 12 + atMs / 30_000).rises).toBe(true);
    expect(series("writes", 2, (_, index) => 12 + (index % 3)).rises).toBe(false);
  });
});

describe("a soak of half an hour", () => {
  test("tells of a leak of 2 KB a run at ten runs a second", () => {
    const leak = (atMs: number) => (0.002 * 10 * atMs) / 1000;
    expect(series("memory", 30, leak).rises).toBe(true);
  });
});

describe("the longest history", () => {
  test("may come up to its bound again and again, and never beyond it", () => {
    const sawtooth = (most: number) => (_: number, index: number) => (index % 10) * (most / 9);
    expect(series("history", 2, sawtooth(LIMITS.historyEvents)).rises).toBe(false);
    expect(series("history", 2, sawtooth(LIMITS.historyEvents * 2)).rises).toBe(true);
  });
});

test("a thing that was hardly looked at is an error, and no pass", () => {
  const samples = [1, 2, 3, 4, 5].map((value) => ({ atMs: value, value }));
  const few = { what: "it", unit: "", watched: "history", samples } as const;
  expect(() => judgeSeries(few, 2 * MINUTE)).toThrow("watch it: 5 samples, it takes 6");
});
