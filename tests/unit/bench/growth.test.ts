import { describe, expect, test } from "bun:test";
import type { Growth } from "../../../src/bench/figures.ts";
import { growsAsItMay, judgedExponent } from "../../../src/bench/growth.ts";

function growth(mayBe: Growth["mayBe"], cost: (size: number) => number): Growth {
  const points = [10, 1_000, 10_000].map((size) => ({ size, value: cost(size) }));
  return { id: "x", what: "x", unit: "ms", of: "messages", mayBe, points };
}

describe("the power with which a cost grows", () => {
  test("is 0 for what stays, 1 for what grows in proportion, 2 for what grows with the square", () => {
    expect(judgedExponent(growth("linear", () => 7))).toBeCloseTo(0, 6);
    expect(judgedExponent(growth("linear", (size) => 3 * size))).toBeCloseTo(1, 6);
    expect(judgedExponent(growth("linear", (size) => size * size))).toBeCloseTo(2, 6);
  });

  test("is not told for one size", () => {
    const one = growth("linear", () => 5);
    expect(judgedExponent({ ...one, points: one.points.slice(0, 1) })).toBeUndefined();
    expect(judgedExponent({ ...one, points: [10, 10].map((size) => ({ size, value: 1 })) })).toBeUndefined();
    expect(growsAsItMay({ ...one, points: one.points.slice(0, 1) })).toBe(true);
  });

  test("of what is nothing at first is told by where it is something, and is a fault where it cannot be told", () => {
    expect(judgedExponent(growth("linear", () => 0))).toBe(0);
    expect(judgedExponent(growth("linear", (size) => (size === 10 ? 0 : size * 3)))).toBeCloseTo(1, 6);
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
