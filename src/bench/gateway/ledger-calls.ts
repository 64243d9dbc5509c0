import { writeFile } from "node:fs/promises";
import { LIMITS } from "../../core/limits.ts";
import { TRIAL_LIMITS } from "../../core/trial-limits.ts";
import type { BenchPart, BenchWorld } from "../bench-part.ts";
import { startRole } from "../bench-roles.ts";
import { LOOP_FACTS, type LoopFacts, type LoopOptions } from "../closed-loop.ts";
import type { PartReport } from "../figures.ts";
import { type BenchUser, type Installation, startInstallation } from "../installation.ts";
import { awaitWord, startPeer } from "../peer.ts";
import { processorMs } from "../proc-facts.ts";
import type { RawLedgerOptions } from "../raw-ledger.ts";
import { makeLogFiles } from "../raw-postgres-log.ts";
import { withLoad } from "./fleet.ts";
import { wordOfRun } from "./ledger-callers.ts";
import { connectFleet, type LedgerFleet, startDaemons } from "./ledger-fleet.ts";
import type { BareLedgerGatewayOptions, CallStatement, LedgerCallersOptions } from "./ledger-options.ts";
import { recordCall } from "./ledger-recording.ts";
import { type Measured, type RunAt, reportOf, runText, textOf } from "./ledger-report.ts";
import { makeBareDaemons, makeCalls, makeToken, TOOL } from "./ledger-rows.ts";
import { daemonIdOf, LISTENING } from "./part-options.ts";

/** Numbers of daemons that are not of those: the one that is recorded, those of the bare statements, which are rows only, and those of the bare chain. */
const RECORDED_DAEMON = 1_000_000;
const BARE_DAEMONS = 2_000_000;
const BARE_CHAIN_DAEMONS = 3_000_000;
/** Callers at once, in turn: what counts is the most calls a second of those whose p99 is low enough. */
const CALLERS = [8, 12, 16, 18, 20, 24] as const;
/** As many as worker and gateway have together. */
const BARE_CONNECTIONS = 2 * LIMITS.postgresConnections;
const TIMES = { warmUpMs: 1_000, driveMs: 6_000 } as const;
/** The first runs, which are not counted: some ten thousand calls, until all processes have compiled what they run often. */
const WARMING = { callers: 32, warmUpMs: 1_000, driveMs: 16_000 } as const;
const WARMING_RUNS = 3;
/** More than can be done in that time: what is left over stays requested. */
const CALLS = 8_000;
const BARE_CALLS = 25_000;

export const LEDGER_CALLS: BenchPart = {
  name: "ledger",
  says: "tool calls with ledger and journal through one gateway, beside the same statements on bare Postgres, alone and in a bare chain",
  goals: ["ledger.calls_ratio"],
  boundMs: () => TRIAL_LIMITS.benchPartMs,
  measure: measureLedger,
};

async function measureLedger(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: false });
  await makeLogFiles(installation.databaseUrl);
  const user = await installation.signUp("ada");
  const tokenFile = await makeToken(installation, user);
  const statements = await recordCall(installation, user, TOOL, async (gatewayUrl) => {
    const daemon = await startDaemons(installation, gatewayUrl, tokenFile, { first: RECORDED_DAEMON, count: 1 });
    return { daemonId: daemonIdOf(RECORDED_DAEMON), stop: () => daemon.stop("SIGTERM") };
  });
  await makeBareDaemons(installation, user, BARE_DAEMONS);
  await makeBareDaemons(installation, user, BARE_CHAIN_DAEMONS);
  const bench: LedgerBench = { installation, user, tokenFile, statements };
  const { value, load } = await withLoad(() => measureInTurn(bench));
  return reportOf(value, statements, load);
}

interface LedgerBench {
  readonly installation: Installation;
  readonly user: BenchUser;
  readonly tokenFile: string;
  /** Of one call, recorded. */
  readonly statements: readonly CallStatement[];
}

/**
 * Beside whatever is measured one fleet of daemons is connected: ours until ours is measured, then that of the bare chain.
 * Bare Postgres is measured between the runs of ours: its speed goes with the size of the tables and with the machine's mood.
 */
async function measureInTurn(bench: LedgerBench): Promise<Measured> {
  const { installation, tokenFile, statements } = bench;
  const gateway = await startRole(installation, "gateway");
  const ours = await connectFleet(installation, tokenFile, { process: gateway.process, url: gateway.url, first: 0 });
  const bareAt: LoopFacts[] = [];
  const oursAt = await driveRuns(bench, ours, "ledger-callers", {}, async (counted) => {
    if ([0, CALLERS.length / 2, CALLERS.length].includes(counted)) bareAt.push(await bare(bench));
  });
  await ours.stop();
  const { databaseUrl, natsUrl, world } = installation;
  const options: BareLedgerGatewayOptions = { natsUrl, databaseUrl, statements: [...statements] };
  const bareGateway = await startPeer(installation, "bare-ledger-gateway", options);
  const { port } = await awaitWord(bareGateway, "listening", LISTENING, TRIAL_LIMITS.stackReadyMs, world.signal);
  const at = { process: bareGateway, url: `http://127.0.0.1:${port}`, first: BARE_CHAIN_DAEMONS };
  const chain = await connectFleet(installation, tokenFile, at);
  world.tell("  the bare chain:");
  const chainAt = await driveRuns(bench, chain, "bare-ledger-callers", { statements }, async () => undefined);
  return { ours: oursAt, chain: chainAt, bare: bareAt, connections: BARE_CONNECTIONS };
}

/**
 * One process asks for all of them: its first runs, which are not counted, make it as warm as a worker is. `between` is called
 * before each run that counts and after the last, with how many have been.
 */
async function driveRuns(
  { installation, user }: LedgerBench,
  { gateway, first }: LedgerFleet,
  callers: string,
  more: Readonly<Record<string, unknown>>,
  between: (counted: number) => Promise<void>,
): Promise<RunAt[]> {
  const { databaseUrl, natsUrl, world } = installation;
  const runs: LedgerCallersOptions["runs"] = [];
  const warming = Array.from({ length: WARMING_RUNS }, () => WARMING);
  for (const loop of [...warming, ...CALLERS.map((count) => ({ callers: count, ...TIMES }))]) {
    const callsFile = await makeCalls(installation, user, CALLS, first);
    runs.push({ callsFile, goFile: `${callsFile}.go`, loop });
  }
  const options: LedgerCallersOptions = { natsUrl, databaseUrl, userId: user.id, runs };
  const process = await startPeer(installation, callers, { ...options, ...more });
  const measured: RunAt[] = [];
  for (const [index, { loop, goFile }] of runs.entries()) {
    if (index >= WARMING_RUNS) await between(index - WARMING_RUNS);
    await writeFile(goFile, "");
    const spentMs = processorMs(gateway.pid);
    const facts = await awaitWord(process, wordOfRun(index), LOOP_FACTS, boundOf(loop), world.signal);
    const calls = Math.min(CALLS, (facts.perSecond * (loop.warmUpMs + loop.driveMs)) / 1000);
    const gatewayMs = (processorMs(gateway.pid) - spentMs) / calls;
    const run = { ...facts, callers: loop.callers, gatewayMs };
    world.tell(`  ${runText(run)}`);
    if (index >= WARMING_RUNS) measured.push(run);
  }
  await between(measured.length);
  return measured;
}

async function bare({ installation, user, statements }: LedgerBench): Promise<LoopFacts> {
  const callsFile = await makeCalls(installation, user, BARE_CALLS, BARE_DAEMONS);
  const loop = { callers: BARE_CONNECTIONS, ...TIMES };
  const { databaseUrl } = installation;
  const options: RawLedgerOptions = { databaseUrl, callsFile, loop, statements: [...statements] };
  const peer = await startPeer(installation, "raw-ledger", options);
  const facts = await awaitWord(peer, "calls", LOOP_FACTS, boundOf(loop), installation.world.signal);
  installation.world.tell(`  bare Postgres: ${textOf(facts)}`);
  return facts;
}

function boundOf({ warmUpMs, driveMs }: LoopOptions): number {
  return warmUpMs + driveMs + TRIAL_LIMITS.benchAnswerMs;
}
