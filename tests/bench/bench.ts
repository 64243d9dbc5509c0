/** The benchmarks, one after the other: `bun run bench [--json <file>] [start-up | tool-call | idle-daemon | hop …]`. */
import { parseArgs } from "node:util";
import { builtExecutable } from "../support/executable.ts";
import { isReached, type PartReport, renderReport } from "./figures.ts";
import { measureHop } from "./hop.ts";
import { measureIdleDaemon } from "./idle-daemon.ts";
import { measureStartUp } from "./start-up.ts";
import { measureToolCall } from "./tool-call.ts";

/** A part that takes longer hangs: the run ends, and what it started with it. */
const PART_MS = 90_000;

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
  await builtExecutable();
  const wanted = PARTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const reports: PartReport[] = [];
  for (const part of wanted) {
    const startedMs = performance.now();
    reports.push(await bounded(part.name, part.measure()));
    process.stderr.write(`${part.name}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s\n`);
  }
  const report = {
    figures: reports.flatMap(({ figures }) => figures),
    rawParts: reports.flatMap(({ rawParts = [] }) => rawParts),
  };
  process.stdout.write(renderReport(report));
  if (values.json !== undefined) {
    const figures = report.figures.map((figure) => ({ ...figure, reached: isReached(figure) }));
    await Bun.write(values.json, `${JSON.stringify({ ...report, figures }, null, 2)}\n`);
  }
  return 0;
}

async function bounded<T>(name: string, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name}: not within ${PART_MS} ms`)), PART_MS);
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
