/** `bun run simulate --seed N --steps M [--seeds K] [--topology cluster|monolith] [--trace]`: K runs from seed N on, each of M steps under faults. */
import { parseArgs } from "node:util";
import { MUST_BE_REACHED, SELDOM_REACHED } from "./reach.ts";
import { runSimulation, type SimulationResult } from "./simulation.ts";
import type { TopologyKind } from "./topology.ts";

const USAGE = "usage: bun run simulate [--seed N] [--steps M] [--seeds K] [--topology cluster|monolith] [--trace]";

async function main(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (options === undefined) {
    say(USAGE);
    return 2;
  }
  const { seed, steps, seeds, topology, trace } = options;
  const startedMs = performance.now();
  const counts = new Map<string, number>();
  const done = new Map<string, number>();
  const reached = new Map<string, number>([...MUST_BE_REACHED, ...SELDOM_REACHED].map((name) => [name, 0]));
  let stepsDone = 0;
  for (let index = 0; index < seeds; index++) {
    const result = await runSimulation({
      ...{ seed: seed + index, steps },
      ...(topology === undefined ? {} : { topology }),
      ...(trace ? { onEvent: say } : {}),
    });
    add(counts, result.counts);
    add(reached, result.reached);
    add(done, new Map(Object.entries(result.done)));
    stepsDone += result.steps;
    if (!result.ok) {
      report(result, steps);
      return 1;
    }
    if (seeds > 1) say(progress(result, counts));
  }
  const seconds = (performance.now() - startedMs) / 1000;
  for (const table of [counts, reached, done]) {
    for (const [name, count] of [...table].sort(([one], [other]) => (one < other ? -1 : 1))) {
      say(`${String(count).padStart(9)}  ${name}`);
    }
    say("");
  }
  const rate = Math.round(stepsDone / seconds);
  say(
    `${seeds} seeds from ${seed}: ${sum(counts)} faults in ${stepsDone} steps, ${seconds.toFixed(1)} s (${rate} steps/s): every invariant holds`,
  );
  return 0;
}

interface Options {
  readonly seed: number;
  readonly steps: number;
  readonly seeds: number;
  readonly topology: TopologyKind | undefined;
  readonly trace: boolean;
}

function optionsOf(args: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: "string", default: "1" },
        steps: { type: "string", default: "10000" },
        seeds: { type: "string", default: "1" },
        topology: { type: "string" },
        trace: { type: "boolean", default: false },
      },
    });
    const [seed, steps, seeds] = [values.seed, values.steps, values.seeds].map(Number);
    const isCount = (value: number | undefined) => Number.isSafeInteger(value) && (value ?? 0) > 0;
    if (seed === undefined || steps === undefined || seeds === undefined) return undefined;
    const { topology } = values;
    if (topology !== undefined && topology !== "cluster" && topology !== "monolith") return undefined;
    return Number.isSafeInteger(seed) && isCount(steps) && isCount(seeds)
      ? { seed, steps, seeds, topology, trace: values.trace }
      : undefined;
  } catch {
    return undefined;
  }
}

function report(result: SimulationResult, steps: number): void {
  for (const line of result.history) say(line);
  say(`\n${result.invariant} does not hold: ${result.detail}`);
  say(`again: bun run simulate --seed ${result.seed} --steps ${steps} --topology ${result.topology}`);
}

function progress(result: SimulationResult, counts: ReadonlyMap<string, number>): string {
  const minutes = (result.virtualMs / 60_000).toFixed(1);
  return `seed ${result.seed}: ${result.steps} steps, ${minutes} min of virtual time; ${sum(counts)} faults so far`;
}

function add(to: Map<string, number>, from: ReadonlyMap<string, number>): void {
  for (const [name, count] of from) to.set(name, (to.get(name) ?? 0) + count);
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
