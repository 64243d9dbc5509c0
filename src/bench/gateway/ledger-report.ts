import type { LoopFacts } from "../closed-loop.ts";
import type { Figure, PartReport } from "../figures.ts";
import { P99_MS } from "./hop-load.ts";
import type { CallStatement } from "./ledger-options.ts";

/** A run with so many callers at once. */
export interface RunAt extends LoopFacts {
  readonly callers: number;
  /** Processor time of the gateway for one call, milliseconds. */
  readonly gatewayMs: number;
}

export interface Measured {
  readonly ours: readonly RunAt[];
  readonly chain: readonly RunAt[];
  /** Before ours, in the middle of it and after it: as ours leaves the tables, and as the machine is meanwhile. */
  readonly bare: readonly LoopFacts[];
  /** Of bare Postgres. */
  readonly connections: number;
}

export function reportOf(
  { ours, chain, bare: bareRuns, connections }: Measured,
  statements: readonly CallStatement[],
  load: string,
): PartReport {
  const best = bestOf(ours);
  const perSecond = best?.perSecond ?? 0;
  const barePerSecond = bareRuns.reduce((sum, each) => sum + each.perSecond, 0) / bareRuns.length;
  const chainBest = bestOf(chain);
  const what = `tool calls with ledger and journal, p99 ≤ ${P99_MS} ms`;
  const raw = { what: `bare Postgres, the same ${statements.length} statements`, value: barePerSecond };
  const figures: Figure[] = [
    { id: "ledger.calls_per_s", what, value: perSecond, unit: "/s", raw },
    {
      id: "ledger.calls_ratio",
      what: "tool calls with ledger and journal against bare Postgres",
      value: perSecond / barePerSecond,
      unit: "×",
    },
    {
      id: "ledger.bare_chain_ratio",
      what: "the bare chain (the same statements, NATS, connect-node, journals) against bare Postgres",
      ...{ value: (chainBest?.perSecond ?? 0) / barePerSecond, unit: "×" },
    },
    { id: "ledger.statements", what: "statements of one of them", value: statements.length, unit: "" },
  ];
  // Where no run of the chain was quick enough there is nothing to compare with.
  if (chainBest !== undefined) {
    const value = perSecond / chainBest.perSecond;
    figures.push({ id: "ledger.chain_ratio", what: "ours against the bare chain", value, unit: "×" });
  }
  if (best !== undefined) {
    const what = "processor time of one of them, gateway";
    const raw = chainBest && { what: "the same of the bare chain", value: chainBest.gatewayMs };
    figures.push({ id: "ledger.gateway_cpu_ms", what, value: best.gatewayMs, unit: "ms", raw });
  }
  return {
    figures,
    notes: [
      `ledger (${load}): ${ours.map(runText).join("; ")}; the bare chain: ${chain.map(runText).join("; ")}; bare, ${connections} connections, before, in the middle of and after ours: ${bareRuns.map(textOf).join("; ")}`,
      "ledger: all processes, the daemons' journals and Postgres are on one disk and the same processors; the bare statements have them alone",
      "ledger: Postgres, for both, has a log of files that were written before, max_wal_size 4GB and min_wal_size 2GB, so that no checkpoint by size falls into a run",
      "ledger: the bare chain has no bounds, polls, repeats, tokens or checks",
    ],
  };
}

/** The most calls a second of the runs that are quick enough; undefined: none is. */
function bestOf(runs: readonly RunAt[]): RunAt | undefined {
  return runs
    .filter(({ p99Ms }) => p99Ms <= P99_MS)
    .toSorted((left, right) => right.perSecond - left.perSecond)
    .at(0);
}

/** For people. */
export function runText(run: RunAt): string {
  return `${run.callers} callers: ${textOf(run)}, gateway ${run.gatewayMs.toFixed(2)} ms of processor a call`;
}

export function textOf({ perSecond, p50Ms, p99Ms }: LoopFacts): string {
  return `${perSecond.toFixed(0)}/s, p50 ${p50Ms.toFixed(1)}, p99 ${p99Ms.toFixed(1)} ms`;
}
