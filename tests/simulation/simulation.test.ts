import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { FAULTS } from "./faults.ts";
import { FIXED_SEEDS, FIXED_STEPS } from "./fixed-seeds.ts";
import { MUST_BE_REACHED } from "./reach.ts";
import { runSimulation, type SimulationResult } from "./simulation.ts";

/** Time for seeds that nobody has tried, milliseconds: with the fixed ones well under two minutes. */
const NEW_MS = 15_000;
const MOST_NEW = 40;

/** What a failed run says, so that it can be repeated; empty where every invariant held. */
function verdict(result: SimulationResult): readonly string[] {
  if (result.ok) return [];
  const again = `bun run simulate --seed ${result.seed} --steps ${FIXED_STEPS} --topology ${result.topology}`;
  return [...result.history, `${result.invariant} does not hold: ${result.detail}`, again];
}

describe("the simulation", () => {
  test("keeps every invariant on the fixed seeds, meets every kind of fault and reaches what it must", async () => {
    const met = new Set<string>();
    const reached = new Set<string>();
    const topologies = new Set<string>();
    for (const seed of FIXED_SEEDS) {
      const result = await runSimulation({ seed, steps: FIXED_STEPS });
      expect(verdict(result)).toEqual([]);
      for (const kind of result.counts.keys()) met.add(kind);
      for (const what of result.reached.keys()) reached.add(what);
      topologies.add(result.topology);
    }
    expect(Object.keys(FAULTS).filter((kind) => !met.has(kind))).toEqual([]);
    expect(MUST_BE_REACHED.filter((what) => !reached.has(what))).toEqual([]);
    expect([...topologies].sort()).toEqual(["cluster", "monolith"]);
  });

  test("keeps every invariant on some new seeds", async () => {
    const first = Date.now() % 1_000_000_000;
    const endsAtMs = performance.now() + NEW_MS;
    let tried = 0;
    do {
      expect(verdict(await runSimulation({ seed: first + tried, steps: FIXED_STEPS }))).toEqual([]);
      tried++;
    } while (tried < MOST_NEW && performance.now() < endsAtMs);
    expect(tried).toBeGreaterThan(0);
  });

  test("gives the same history for the same seed, also in another process", async () => {
    const once = await runSimulation({ seed: 77, steps: 2_000 });
    const again = await runSimulation({ seed: 77, steps: 2_000 });
    expect(again).toEqual(once);
    const other = Bun.spawn(
      [process.execPath, "run", join(import.meta.dir, "simulate.ts"), "--seed", "77", "--steps", "2000", "--trace"],
      { stdout: "pipe", stderr: "pipe" },
    );
    const lines = (await new Response(other.stdout).text()).split("\n");
    expect(await other.exited).toBe(0);
    const newest = once.history.slice(0, -1);
    const at = lines.lastIndexOf(newest.at(-1) ?? "");
    expect(lines.slice(at - newest.length + 1, at + 1)).toEqual([...newest]);
    expect(once.history.at(-1)).toContain("digest");
  });

  test("gives another history for another seed", async () => {
    const one = await runSimulation({ seed: 78, steps: 500 });
    const other = await runSimulation({ seed: 79, steps: 500 });
    expect(other.history.at(-1)).not.toEqual(one.history.at(-1));
  });
});
