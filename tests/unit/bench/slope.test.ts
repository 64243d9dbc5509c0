import { describe, expect, test } from "bun:test";
import type { Sample } from "../../../src/bench/figures.ts";
import { slopeOf } from "../../../src/bench/slope.ts";

const BOUND = { perHour: 24, noise: 6 };
const MINUTE = 60_000;

function samples(count: number, everyMs: number, value: (index: number) => number): Sample[] {
  return Array.from({ length: count }, (_, index) => ({ atMs: index * everyMs, value: value(index) }));
}

describe("a slope", () => {
  test("is none where all stays the same", () => {
    const slope = slopeOf(
      samples(60, MINUTE / 2, () => 100),
      BOUND,
    );
    expect(slope).toEqual({ middle: 100, last: 100, perHour: 0, rises: false });
  });

  test("is none for what grows in the first third only, nor for single peaks", () => {
    const warmUp = (index: number) => Math.min(index, 20) * 10;
    const peaks = (index: number) => (index % 10 === 9 ? 5_000 : 100);
    expect(slopeOf(samples(60, MINUTE / 2, warmUp), BOUND).rises).toBe(false);
    expect(slopeOf(samples(60, MINUTE / 2, peaks), BOUND).rises).toBe(false);
  });

  test("is one for what grows steadily, told by the hour", () => {
    // One a minute, over half an hour.
    const slope = slopeOf(
      samples(60, MINUTE / 2, (index) => 100 + index / 2),
      BOUND,
    );
    expect(slope.perHour).toBeCloseTo(60, 6);
    expect(slope.rises).toBe(true);
  });

  test("is none for a rise below the noise, however steep by the hour: two minutes are short", () => {
    const slope = slopeOf(
      samples(60, 2_000, (index) => 100 + index / 10),
      BOUND,
    );
    expect(slope.perHour).toBeGreaterThan(BOUND.perHour);
    expect(slope.rises).toBe(false);
  });

  test("is none for what falls", () => {
    expect(
      slopeOf(
        samples(60, MINUTE, (index) => 1_000 - index),
        BOUND,
      ).rises,
    ).toBe(false);
  });

  test("cannot be told by fewer than six samples", () => {
    const few = samples(5, MINUTE, (index) => index);
    expect(() => slopeOf(few, BOUND)).toThrow("a slope takes 6 samples");
  });
});
