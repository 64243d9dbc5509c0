import { expect } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import type { Fault } from "../../../src/chaos/faults.ts";
import { runExecutable } from "../../support/executable.ts";
import { programFlags } from "../../support/program-flags.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { measured } from "./counts.ts";

const Outcome = z.object({
  seed: z.number(),
  passed: z.boolean(),
  asked: z.number(),
  made: z.number(),
  totals: z.record(z.string(), z.number()),
  findings: z.array(z.unknown()),
  faults: z.array(
    z.object({
      name: z.string(),
      calm: z.boolean().optional(),
      counts: z.object({ failedCalls: z.number(), unknown: z.number() }).optional(),
      result: z.object({ kind: z.string(), afterMs: z.number().optional() }),
    }),
  ),
});

/**
 * One rotation of `reliant chaos` through these faults, each of which must be possible here (`--strict`), be made, and be
 * followed by chats that move again; nothing is lost and nothing done twice.
 */
export async function expectRotation(faults: readonly Fault[], timeoutMs: number): Promise<void> {
  await using folder = await tempFolder("rotation");
  const json = join(folder.path, "outcome.json");
  const names = faults.map(({ name }) => name);
  const flags = ["--stack", "local", "--strict", "--faults", names.join(","), "--json", json];
  const begunAtMs = performance.now();
  const run = await runExecutable({ args: ["chaos", ...flags, ...(await programFlags(folder.path))], timeoutMs });
  const tookMs = performance.now() - begunAtMs;
  expect(run.code, `${run.stdout}\n${run.stderr}`).toBe(0);
  const outcome = Outcome.parse(await Bun.file(json).json());
  const figures = Object.entries(outcome.totals).map(([name, count]) => `${count} ${name}`);
  const made = outcome.faults.filter(({ calm, result }) => calm !== true && result.kind === "moved");
  const slowest = made.toSorted((a, b) => (b.result.afterMs ?? 0) - (a.result.afterMs ?? 0))[0];
  measured(
    `rotation through ${made.length} faults, --seed ${outcome.seed}`,
    `${figures.join(", ")}; chats moved again after ${Math.round(slowest?.result.afterMs ?? 0)} ms at most (${slowest?.name}); ${Math.round(tookMs / 1000)} s`,
  );
  const costly = made.filter(({ counts }) => (counts?.failedCalls ?? 0) > 0);
  measured(
    "faults in whose turns calls were told failed",
    costly.map(({ name, counts }) => `${name} ${counts?.failedCalls}`).join(", ") || "none",
  );
  expect(outcome).toMatchObject({ asked: names.length, made: names.length });
  expect(made.map(({ name }) => name).sort()).toEqual([...names].sort());
  expect(outcome.passed).toBe(true);
  expect(outcome.findings).toEqual([]);
}
