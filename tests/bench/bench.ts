/** The benchmarks, one after the other: `bun run bench [--json <file>] [start-up | tool-call | idle-daemon | hop …]`. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { builtExecutable } from "../support/executable.ts";
import { isReached, type PartReport, renderReport } from "./figures.ts";
import { measureHop } from "./hop.ts";
import { measureIdleDaemon } from "./idle-daemon.ts";
import { machineTicks } from "./proc-facts.ts";
import { measureStartUp } from "./start-up.ts";
import { measureToolCall } from "./tool-call.ts";

/** A part that takes longer hangs: the run ends, and with it what it started. */
const PART_MS = 90_000;
/** How long the machine is looked at before the start. */
const WATCH_MS = 3_000;

const PARTS: readonly { readonly name: string; measure(): Promise<PartReport> }[] = [
  { name: "start-up", measure: measureStartUp },
  { name: "tool-call", measure: measureToolCall },
  { name: "idle-daemon", measure: measureIdleDaemon },
  { name: "hop", measure: measureHop },
];

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { json: { type: "string" } },
  });
  const unknown = positionals.filter((name) => PARTS.every((part) => part.name !== name));
  if (unknown.length > 0) {
    throw new Error(`no such part: ${unknown.join(", ")}. Parts: ${PARTS.map(({ name }) => name).join(", ")}`);
  }
  // One executable for the whole run, whatever happens to the sources meanwhile.
  process.env.RELIANT_TEST_EXECUTABLE = await builtExecutable();
  const machine = await watchMachine();
  process.stderr.write(`${machine.text}\n`);
  const wanted = PARTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const reports: PartReport[] = [];
  const failures: string[] = [];
  for (const part of wanted) {
    const startedMs = performance.now();
    try {
      reports.push(await bounded(part.measure()));
    } catch (error) {
      failures.push(`${part.name}: ${error instanceof Error ? error.message : error}`);
      // It is still at work, and would be measured together with what comes next.
      if (error instanceof PartHangs) break;
    }
    process.stderr.write(`${part.name}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s\n`);
  }
  const report = {
    figures: reports.flatMap(({ figures }) => figures),
    rawParts: reports.flatMap(({ rawParts = [] }) => rawParts),
  };
  process.stdout.write(`${machine.text}\n\n${renderReport(report)}`);
  if (values.json !== undefined) {
    const figures = report.figures.map((figure) => ({ ...figure, reached: isReached(figure) }));
    await Bun.write(values.json, `${JSON.stringify({ machine, ...report, figures }, null, 2)}\n`);
  }
  for (const failure of failures) process.stderr.write(`bench: not measured: ${failure}\n`);
  return failures.length === 0 ? 0 : 1;
}

class PartHangs extends Error {
  override readonly name = "PartHangs";
}

/** How busy the machine is with other things, before anything is started: times on a busy one say little. */
async function watchMachine() {
  const before = machineTicks();
  await Bun.sleep(WATCH_MS);
  const after = machineTicks();
  const total = Math.max(1, after.total - before.total);
  const percent = (ticks: number) => Math.round((100 * ticks) / total);
  const busyPercent = percent(total - (after.idle - before.idle));
  const stolenPercent = percent(after.stolen - before.stolen);
  const cores = availableParallelism();
  const busy = busyPercent > 10 ? "; times are those of a busy machine" : "";
  const text = `${cores} cores, ${busyPercent} % busy before the start (${stolenPercent} % taken by the host)${busy}`;
  return { cores, busyPercent, stolenPercent, text };
}

async function bounded<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new PartHangs(`not within ${PART_MS} ms`)), PART_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

// An interrupt ends this process, and with it (by their leashes) all that it started.
process.exit(
  await main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  }),
);
