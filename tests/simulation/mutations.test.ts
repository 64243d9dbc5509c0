import { beforeAll, describe, expect, test } from "bun:test";
import { readdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { tempFolder } from "../support/temp-folder.ts";
import { FIXED_SEEDS, FIXED_STEPS } from "./fixed-seeds.ts";
import { mutatedCopy } from "./mutations/mutated-copy.ts";
import { MUTATIONS, type Mutation } from "./mutations/mutations.ts";
import { runSeeds, type SeedRun } from "./mutations/seed-runs.ts";

const ROOT = join(import.meta.dir, "../..");
const FOLDER = join(import.meta.dir, "mutations");
/** Processes at once. */
const AT_ONCE = 2;
/** All of them together take under two minutes of processor time; a machine that is busy takes longer. */
const TEST_MS = 15 * 60_000;

type Hunt = { readonly runs: readonly SeedRun[] } | { readonly failed: string };

/** The runs of one mutation; where there are none, why. */
async function hunt(mutation: Mutation): Promise<Hunt> {
  await using folder = await tempFolder("mutation");
  try {
    await mutatedCopy(folder.path, mutation.patch);
    const { steps, seeds, breaks: invariant } = mutation;
    return { runs: await runSeeds(folder.path, { steps, seeds, invariant }) };
  } catch (error) {
    return { failed: String(error) };
  }
}

/** What a hunt came to, in words that say what to do. */
function verdict({ patch, rule, breaks }: Mutation, result: Hunt): string {
  if ("failed" in result) return result.failed;
  const { runs } = result;
  if (runs.at(-1)?.broken === breaks) return "found";
  const other = runs.flatMap(({ seed, broken, detail }) =>
    broken === undefined ? [] : [`${seed}: ${broken}: ${detail}`],
  );
  const seeds = runs.map(({ seed }) => seed).join(", ");
  return `${patch} (${rule}) breaks ${breaks} with none of the seeds ${seeds}; ${other.join("; ") || "all pass"}. Where the code has only moved, choose other seeds in mutations.ts`;
}

describe("the simulation finds what is taken out of the code", () => {
  const hunts = new Map<Mutation, PromiseWithResolvers<Hunt>>();

  beforeAll(() => {
    for (const mutation of MUTATIONS) hunts.set(mutation, Promise.withResolvers<Hunt>());
    const waiting = hunts.entries();
    const work = async () => {
      for (const [mutation, { resolve }] of waiting) resolve(await hunt(mutation));
    };
    for (let worker = 0; worker < AT_ONCE; worker++) void work();
  });

  test("every patch has its row", async () => {
    const patches = (await readdir(FOLDER)).filter((name) => name.endsWith(".patch"));
    expect(patches.sort()).toEqual(MUTATIONS.map(({ patch }) => patch).sort());
    expect(patches.length).toBeGreaterThanOrEqual(10);
  });

  test("a patch that does not fit is named, with what to do", async () => {
    await using folder = await tempFolder("mutation");
    const stale = `${folder.path}.patch`;
    const diff = ["--- a/src/main.ts", "+++ b/src/main.ts", "@@ -1 +1 @@", "-not a line of it", "+another line", ""];
    await Bun.write(stale, diff.join("\n"));
    const copy = mutatedCopy(folder.path, relative(FOLDER, stale)).finally(() => rm(stale));
    await expect(copy).rejects.toThrow(/\.patch no longer applies: .*main\.ts.*make the patch anew/s);
  });

  for (const mutation of MUTATIONS) {
    test(
      `${mutation.patch} breaks ${mutation.breaks}`,
      async () => {
        const result = (await hunts.get(mutation)?.promise) ?? { failed: "it was never run" };
        expect(verdict(mutation, result)).toBe("found");
      },
      TEST_MS,
    );
  }

  test(
    "the code as it is passes the same seeds (the fixed ones in simulation.test.ts)",
    async () => {
      const tried = new Map<number, Set<number>>();
      for (const [{ steps }, { promise }] of hunts) {
        const result = await promise;
        const seeds = "runs" in result ? result.runs.map(({ seed }) => seed) : [];
        const others = seeds.filter((seed) => steps !== FIXED_STEPS || !FIXED_SEEDS.includes(seed));
        tried.set(steps, new Set([...(tried.get(steps) ?? []), ...others]));
      }
      for (const [steps, seeds] of tried) {
        const shares = Array.from({ length: AT_ONCE }, (_, at) =>
          [...seeds].filter((_, index) => index % AT_ONCE === at),
        );
        const runs = (await Promise.all(shares.map((share) => runSeeds(ROOT, { steps, seeds: share })))).flat();
        expect(runs.filter(({ ok }) => !ok)).toEqual([]);
        expect(new Set(runs.map(({ seed }) => seed))).toEqual(seeds);
      }
    },
    TEST_MS,
  );
});
