import { describe, expect, test } from "bun:test";
import type { Growth } from "../../../src/bench/figures.ts";
import { exponentText, growsAsItMay, judgedGrowth } from "../../../src/bench/growth.ts";

function growth(mayBe: Growth["mayBe"], cost: (size: number) => number): Growth {
  const points = [10, 1_000, 10_000].map((size) => ({ size, value: cost(size) }));
  return { id: "x", what: "x", unit: "ms", of: "messages", mayBe, points };
}

/** Over all sizes, and between the last two. */
function powers(of: Growth): readonly (number | undefined)[] {
  const judged = judgedGrowth(of);
  return [judged?.over, judged?.late].map((power) => (power === undefined ? undefined : Number(power.toFixed(6))));
}

describe("the power with which a cost grows", () => {
  test("is 0 for what stays, 1 for what grows in proportion, 2 for what grows with the square", () => {
    expect(powers(growth("linear", () => 7))).toEqual([0, 0]);
    expect(powers(growth("linear", (size) => 3 * size))).toEqual([1, 1]);
    expect(powers(growth("linear", (size) => size * size))).toEqual([2, 2]);
  });

  test("is not judged for fewer than three different sizes, and not held against the run", () => {
    const square = growth("linear", (size) => size ** 2);
    for (const points of [
      square.points.slice(0, 1),
      square.points.slice(1),
      [10, 10, 10].map((size) => ({ size, value: 1 })),
      [10, 20, 20].map((size) => ({ size, value: size ** 2 })),
    ]) {
      const few = { ...square, points };
      expect(judgedGrowth(few)).toBeUndefined();
      expect(judgedGrowth({ ...few, mayBe: "flat" })).toBeUndefined();
      expect(growsAsItMay(few)).toBe(true);
      expect(exponentText(few)).toBe("");
    }
    expect(growsAsItMay(square)).toBe(false);
  });

  test("of what may grow in proportion is judged by the last two sizes as well: a bend that begins late is a fault", () => {
    const bent = growth("linear", (size) => (size === 10_000 ? 20 * 1_000 : size));
    expect(powers(bent)).toEqual([expect.closeTo(1.07, 1), expect.closeTo(1.3, 2)]);
    expect(growsAsItMay({ ...bent, unit: "rows" })).toBe(false);
    const square = growth("linear", (size) => (size === 10_000 ? 40 * 1_000 : size));
    expect(judgedGrowth(square)?.over).toBeLessThan(1.2);
    expect(growsAsItMay(square)).toBe(false);
  });

  test("between the last two sizes has room for noise where it is measured, and none where it is counted", () => {
    const tenTimes = (late: number) => growth("linear", (size) => (size === 10_000 ? 1_000 * 10 ** late : size));
    for (const unit of ["ms", "s", "MB", "% of a core"]) {
      expect(growsAsItMay({ ...tenTimes(1.25), unit })).toBe(true);
      expect(growsAsItMay({ ...tenTimes(1.35), unit })).toBe(false);
    }
    for (const unit of ["", "rows", "bytes"]) {
      expect(growsAsItMay({ ...tenTimes(1.1), unit })).toBe(true);
      expect(growsAsItMay({ ...tenTimes(1.25), unit })).toBe(false);
    }
  });

  test("is told for both: over all sizes, and of the last two", () => {
    expect(exponentText(growth("linear", (size) => 3 * size))).toBe("1.00; last two 1.00");
  });

  test("of what is nothing at first is told by where it is something, and is a fault where it cannot be told", () => {
    expect(powers(growth("linear", () => 0))).toEqual([0, 0]);
    expect(powers(growth("linear", (size) => (size === 10 ? 0 : size * 3)))).toEqual([1, 1]);
    expect(growsAsItMay(growth("linear", (size) => (size === 10 ? 0 : size ** 2)))).toBe(false);
    expect(growsAsItMay(growth("linear", (size) => (size === 10_000 ? 1 : 0)))).toBe(false);
    expect(growsAsItMay(growth("flat", (size) => (size === 10_000 ? 1 : 0)))).toBe(false);
    expect(growsAsItMay(growth("flat", (size) => (size === 10 ? 0 : 1)))).toBe(false);
    expect(growsAsItMay(growth("flat", () => 0))).toBe(true);
    expect(growsAsItMay(growth("flat", (size) => (size === 10 ? 1 : 0)))).toBe(true);
  });

  test("of what should stay is a fault from small growth on, of what may grow in proportion only beyond it", () => {
    expect(growsAsItMay(growth("flat", () => 7))).toBe(true);
    expect(growsAsItMay(growth("flat", (size) => size ** 0.3))).toBe(false);
    expect(growsAsItMay(growth("flat", (size) => (size === 10_000 ? 8 : 7)))).toBe(true);
    expect(growsAsItMay(growth("flat", (size) => (size === 10_000 ? 9 : 5)))).toBe(false);
    expect(growsAsItMay(growth("linear", (size) => 3 * size))).toBe(true);
    expect(growsAsItMay(growth("linear", (size) => size ** 1.3))).toBe(false);
    expect(growsAsItMay(growth("linear", () => 7))).toBe(true);
  });

  test("of what should stay counts from the smallest size to the largest, unless it is said from where on", () => {
    const page = growth("flat", (size) => Math.min(size, 50));
    expect(growsAsItMay(page)).toBe(false);
    expect(growsAsItMay({ ...page, flatFrom: { size: 50, because: "a page fills up" } })).toBe(true);
    const late = growth("flat", (size) => (size === 10_000 ? 90 : 50));
    expect(growsAsItMay({ ...late, flatFrom: { size: 50, because: "a page fills up" } })).toBe(false);
  });
});
