import { join } from "node:path";
import { z } from "zod";

/** How one seed went. */
export type SeedRun = z.output<typeof SEED_RUN>;

const SEED_RUN = z.object({
  seed: z.number(),
  ok: z.boolean(),
  broken: z.string().optional(),
  detail: z.string().optional(),
  history: z.array(z.string()),
});

/** A process that takes longer than this hangs, milliseconds. */
const PROCESS_MS = 5 * 60_000;

/**
 * Runs the simulation of the tree in `folder`, seed after seed until one breaks `invariant`, in a process of its own: the
 * simulation takes chance and ids of a whole process. Rejects where the process ends in any other way.
 */
export async function runSeeds(
  folder: string,
  { steps, seeds, invariant = "none" }: { steps: number; seeds: readonly number[]; invariant?: string },
): Promise<readonly SeedRun[]> {
  const script = join(folder, "tests/simulation/mutations/seeds-main.ts");
  const run = Bun.spawn([process.execPath, "run", script, `${steps}`, invariant, ...seeds.map(String)], {
    ...{ cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: PROCESS_MS },
  });
  const [out, said] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  const code = await run.exited;
  if (code !== 0) throw new Error(`run the simulation in ${folder}: it ended with ${code}: ${said.slice(-2_000)}`);
  const lines = out.split("\n").filter((line) => line !== "");
  return lines.map((line) => SEED_RUN.parse(JSON.parse(line)));
}
