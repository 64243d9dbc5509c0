import { expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { FAULTS } from "../../src/chaos/faults.ts";
import { runExecutable } from "../support/executable.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { measured } from "./support/counts.ts";
import { programFlags } from "./support/program-flags.ts";

const MINUTE = 60_000;
/** One rotation: the away ones take a minute each, the links a few seconds each. */
const ROTATION_MS = 25 * MINUTE;

const Outcome = z.object({
  seed: z.number(),
  passed: z.boolean(),
  totals: z.record(z.string(), z.number()),
  findings: z.array(z.unknown()),
  faults: z.array(
    z.object({
      name: z.string(),
      calm: z.boolean().optional(),
      result: z.object({ kind: z.string(), afterMs: z.number().optional() }),
    }),
  ),
});

test(
  "one rotation through all faults loses nothing and does nothing twice",
  async () => {
    await using folder = await tempFolder("rotation");
    // Where we are root, Postgres is another user.
    await chmod(folder.path, 0o711);
    const json = join(folder.path, "outcome.json");
    const run = await runExecutable({
      args: ["chaos", "--stack", "local", "--strict", "--json", json, ...(await programFlags(folder.path))],
      timeoutMs: ROTATION_MS,
    });
    expect(run.code, `${run.stdout}\n${run.stderr}`).toBe(0);
    const { seed, passed, totals, findings, faults } = Outcome.parse(await Bun.file(json).json());
    const figures = Object.entries(totals).map(([name, count]) => `${count} ${name}`);
    const made = faults.filter(({ calm, result }) => calm !== true && result.kind === "moved");
    const slowest = made.toSorted((a, b) => (b.result.afterMs ?? 0) - (a.result.afterMs ?? 0))[0];
    measured(
      `rotation through ${made.length} faults, --seed ${seed}`,
      `${figures.join(", ")}; chats moved again after ${Math.round(slowest?.result.afterMs ?? 0)} ms at most (${slowest?.name})`,
    );
    expect(made.map(({ name }) => name).sort()).toEqual(FAULTS.map(({ name }) => name).sort());
    expect(passed).toBe(true);
    expect(findings).toEqual([]);
  },
  ROTATION_MS + MINUTE,
);
