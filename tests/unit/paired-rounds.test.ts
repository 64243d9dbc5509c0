import { describe, expect, test } from "bun:test";
import { type Random, seededRandom } from "../../src/chaos/seeded-random.ts";
import { type Pair, pairedRounds, ratioOf } from "../faults/support/paired-rounds.ts";

/** Times as a server has them: most near 10 ms, a few far above; each round with a mood of its own. */
function round(random: Random, factor: number): number[] {
  const mood = 0.9 + 0.2 * random();
  return Array.from({ length: 1000 }, () => factor * mood * (10 - 5 * Math.log(1 - random())));
}

function pairs(factor: number): Pair[] {
  const random = seededRandom(7);
  return Array.from({ length: 12 }, () => ({ without: round(random, 1), with: round(random, factor) }));
}

describe("rounds in pairs", () => {
  test("each kind comes first in every other pair", async () => {
    const order: string[] = [];
    const made = await pairedRounds(3, async (kind, number) => {
      order.push(`${kind} ${number}`);
      return [number, kind.length];
    });
    expect(order).toEqual(["without 0", "with 0", "with 1", "without 1", "without 2", "with 2"]);
    expect(made[1]).toEqual({ without: [1, 7], with: [1, 4] });
  });

  test("where nothing differs, the interval holds 1 and is narrow", () => {
    const { ratio, low, high } = ratioOf(pairs(1), 0.99, seededRandom(1));
    expect(low).toBeLessThan(1);
    expect(high).toBeGreaterThan(1);
    expect(high / low).toBeLessThan(1.25);
    expect(ratio).toBeGreaterThanOrEqual(low);
    expect(ratio).toBeLessThanOrEqual(high);
  });

  test("an effect of a third is found, at the median and far out", () => {
    for (const share of [0.5, 0.99]) {
      const { ratio, low } = ratioOf(pairs(1.33), share, seededRandom(1));
      expect(ratio).toBeCloseTo(1.33, 1);
      expect(low).toBeGreaterThan(1.1);
    }
  });
});
