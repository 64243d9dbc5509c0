/** What every commit passes, in parallel: `bun run check`. Prints each step's time, and the output of what failed. */
import { join } from "node:path";
import { tempFolder } from "./support/temp-folder.ts";

interface Step {
  readonly name: string;
  readonly run: () => Promise<Outcome>;
}

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

const ROOT = join(import.meta.dir, "..");
const BIN = join(ROOT, "node_modules/.bin");
/** What the type checker found out last time. */
const TYPES_CACHE = join(ROOT, "node_modules/.cache/reliant/types.tsbuildinfo");

const STEPS: readonly Step[] = [
  { name: "generated code is up to date", run: checkGenerated },
  { name: "proto lint", run: () => command(join(BIN, "buf"), "lint") },
  { name: "biome", run: () => command(join(BIN, "biome"), "check", "--error-on-warnings") },
  {
    name: "types",
    run: () => command(join(BIN, "tsc"), "--project", ".", "--incremental", "--tsBuildInfoFile", TYPES_CACHE),
  },
  {
    name: "unit and tidy tests",
    run: () =>
      command(
        process.execPath,
        "test",
        // More than processors: many tests wait for a while.
        "--parallel=4",
        "--no-isolate",
        "--timeout=20000",
        "./tests/unit/",
        "./tests/tidy/",
      ),
  },
];

async function main(): Promise<number> {
  const startedMs = performance.now();
  const outcomes = await Promise.all(
    STEPS.map(async (step) => {
      const outcome = await step.run();
      const time = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(6);
      process.stdout.write(`${time} s  ${outcome.ok ? "ok    " : "FAILED"}  ${step.name}\n`);
      return { ...outcome, name: step.name };
    }),
  );
  const failed = outcomes.filter((outcome) => !outcome.ok);
  for (const { name, output } of failed) process.stdout.write(`\n=== ${name}\n${output.trim()}\n`);
  return failed.length === 0 ? 0 : 1;
}

async function command(program: string, ...args: string[]): Promise<Outcome> {
  const run = Bun.spawn([program, ...args], {
    cwd: ROOT,
    env: { ...process.env, PATH: `${BIN}:${process.env.PATH}` },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, errors, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  return { ok: code === 0, output: `${out}${errors}` };
}

/** Generates into a temporary folder and compares, so that a check changes nothing. */
async function checkGenerated(): Promise<Outcome> {
  await using folder = await tempFolder("generated");
  const generated = await command(join(BIN, "buf"), "generate", "--output", folder.path);
  if (!generated.ok) return generated;
  const [fresh, kept] = await Promise.all([filesIn(join(folder.path, "src/gen")), filesIn(join(ROOT, "src/gen"))]);
  const names = [...new Set([...fresh.keys(), ...kept.keys()])].sort();
  const stale = names.filter((name) => fresh.get(name) !== kept.get(name));
  const output = stale.map((name) => `src/gen/${name} differs from what the proto files give`).join("\n");
  return { ok: stale.length === 0, output: `${output}\nRun: bun run generate` };
}

async function filesIn(folder: string): Promise<Map<string, string>> {
  const names = await Array.fromAsync(new Bun.Glob("**/*").scan({ cwd: folder }));
  const texts = await Promise.all(names.map((name) => Bun.file(join(folder, name)).text()));
  return new Map(names.map((name, index) => [name, texts[index] ?? ""]));
}

process.exit(await main());
