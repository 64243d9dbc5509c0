import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { editDistance, nearest } from "../../../src/config/suggest.ts";

const word = fc.stringMatching(/^[a-d]{0,6}$/);

describe("the distance of two words", () => {
  test.each([
    ["", "", 0],
    ["gateway", "gatewya", 1],
    ["api", "apii", 1],
    ["worker", "wroker", 1],
    ["kitten", "sitting", 3],
  ])("%p and %p: %d", (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance);
  });

  test("is the same both ways, nothing for the same word, and never more than the longer one", () => {
    fc.assert(
      fc.property(word, word, (one, other) => {
        const distance = editDistance(one, other);
        expect(distance).toBe(editDistance(other, one));
        expect(distance === 0).toBe(one === other);
        expect(distance).toBeLessThanOrEqual(Math.max(one.length, other.length));
      }),
    );
  });
});

describe("the word that was meant", () => {
  test.each([
    ["versoin", "version"],
    ["serv", "server"],
    ["--db-rul", "--db-url"],
    ["xyz", undefined],
    ["", undefined],
  ])("%p: %p", (typed, meant) => {
    expect(nearest(typed, ["server", "version", "--db-url", "--db-driver"])).toBe(meant);
  });
});
