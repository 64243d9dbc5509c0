import { z } from "zod";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import type { BenchPart, BenchWorld } from "./bench-part.ts";
import { startDaemon, startRole } from "./bench-roles.ts";
import { type Figure, type PartReport, type Spread, spreadOf } from "./figures.ts";
import { startInstallation } from "./installation.ts";
import { awaitWord, startPeer } from "./peer.ts";
import { DRIVER_REPORT, type DriverOptions, type DriverReport } from "./tool-call-driver.ts";

/** The first rounds are not counted: servers that have just been started compile their code while they work. */
const WARM_UP_ROUNDS = 6;
const ROUNDS = 12;
const CALLS_PER_ROUND = 50;
const DRIVE_MS = 40_000;
/** Calls in the ledger: whether one more costs the same. */
const LEDGER_SIZES = [1_000, 10_000, 100_000] as const;
const ROUNDS_AT_SIZE = 5;
/** A call that took this long waited for something: the slow poll of the ledger is 2 s. */
const OUTLIER_MS = 500;

export const TOOL_CALL: BenchPart = {
  name: "tool-call",
  says: "one tool call from the worker's router to a daemon and back, beside its raw parts",
  goals: ["tool_call.p50_ratio", "tool_call.p99_ms"],
  boundMs: () => TRIAL_LIMITS.benchPartMs,
  measure: measureToolCall,
};

/** One tool call at a time: driver → NATS → gateway → daemon and back, on real servers; beside it what it is made of. */
async function measureToolCall(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: false });
  const { folder, databaseUrl, natsUrl } = installation;
  const user = await installation.signUp("ada");
  const gateway = await startRole(installation, "gateway");
  const daemon = await startDaemon(installation, gateway, user);
  const subject = "bench.echo";
  const echo = await startPeer(installation, "echo", { natsUrl, subject });
  const { port } = await awaitWord(echo, "echo", z.object({ port: z.int() }), TRIAL_LIMITS.benchReportMs, world.signal);
  const options: DriverOptions = {
    ...{ databaseUrl, natsUrl, subject, folder, userId: user.id, daemonId: daemon.id, root: daemon.root },
    ...{ echoUrl: `http://127.0.0.1:${port}`, warmUpRounds: WARM_UP_ROUNDS },
    ...{ rounds: ROUNDS, callsPerRound: CALLS_PER_ROUND, driveMs: DRIVE_MS },
    ...{ ledgerSizes: [...LEDGER_SIZES], roundsAtSize: ROUNDS_AT_SIZE },
  };
  const driver = await startPeer(installation, "tool-calls", options);
  return reportOf(await awaitWord(driver, "report", DRIVER_REPORT, TRIAL_LIMITS.benchReportMs, world.signal));
}

function reportOf({ calls, tool, rawParts, atSizes }: DriverReport): PartReport {
  const [call, alone] = [spreadOf(calls), spreadOf(tool)];
  const parts = rawParts.map(({ what, times, took }) => ({ what, times, ...spreadOf(took) }));
  const sumOf = (at: (part: Spread) => number) => parts.reduce((total, part) => total + at(part) * part.times, 0);
  const sum = sumOf(({ p50 }) => p50);
  const what = "tool call (read_file, one caller)";
  const figures: Figure[] = [
    {
      ...{ id: "tool_call.p50_ms", what: `${what}, p50 of ${calls.length}`, value: call.p50, unit: "ms" },
      raw: { what: "sum of its raw parts, each at p50", value: sum },
    },
    {
      ...{ id: "tool_call.p50_ratio", what: `${what}, p50 against its raw parts`, value: call.p50 / sum, unit: "×" },
    },
    {
      ...{ id: "tool_call.p99_ms", what: `${what}, p99`, value: call.p99, unit: "ms" },
      raw: { what: "sum of its raw parts, each at p99", value: sumOf(({ p99 }) => p99) },
    },
    { id: "tool_call.most_ms", what: `${what}, longest`, value: call.most, unit: "ms" },
    {
      ...{ id: "tool_call.outliers", what: `${what}, calls of more than ${OUTLIER_MS} ms` },
      ...{ value: calls.filter((ms) => ms > OUTLIER_MS).length, unit: "" },
    },
  ];
  const multiple = (times: number) => (times === 1 ? "" : `, ${times} in a tool call`);
  return {
    figures,
    growths: [
      {
        ...{
          id: "tool_call.ledger_growth",
          what: "tool call as the ledger grows, p50 of the quickest round",
          unit: "ms",
          of: "calls in the ledger",
        },
        ...{ mayBe: "flat", points: atSizes.map(({ size, calls }) => ({ size, value: quickestP50(calls) })) },
      },
    ],
    rawParts: [
      ...parts.map(({ what, times, p50, p99, most }) => ({
        ...{ what: `${what}${multiple(times)}`, p50Ms: p50, p99Ms: p99, mostMs: most },
      })),
      {
        what: "not in the sum: the tool itself (read_file of 6 bytes)",
        ...{ p50Ms: alone.p50, p99Ms: alone.p99, mostMs: alone.most },
      },
    ],
  };
}

/** What else runs on a machine makes a round of calls slower, never quicker. */
function quickestP50(calls: readonly number[]): number {
  const rounds = Array.from({ length: Math.ceil(calls.length / CALLS_PER_ROUND) }, (_, round) =>
    calls.slice(round * CALLS_PER_ROUND, (round + 1) * CALLS_PER_ROUND),
  );
  return Math.min(...rounds.map((round) => spreadOf(round).p50));
}
