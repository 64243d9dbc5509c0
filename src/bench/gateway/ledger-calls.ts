import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { mintToken } from "../../auth/personal-access-token.ts";
import { ReliantError } from "../../core/errors.ts";
import { newId } from "../../core/ids.ts";
import { LIMITS } from "../../core/limits.ts";
import { TRIAL_LIMITS } from "../../core/trial-limits.ts";
import type { ManagedProcess } from "../../stack/managed-process.ts";
import type { BenchPart, BenchWorld } from "../bench-part.ts";
import { type StartedRole, startRole } from "../bench-roles.ts";
import { LOOP_FACTS, type LoopFacts, type LoopOptions } from "../closed-loop.ts";
import type { Figure, PartReport } from "../figures.ts";
import { type BenchUser, type Installation, startInstallation } from "../installation.ts";
import { awaitWord, startPeer } from "../peer.ts";
import { processorMs } from "../proc-facts.ts";
import type { CallStatement, RawLedgerOptions } from "../raw-ledger.ts";
import { requestCalls } from "../requested-calls.ts";
import { withLoad } from "./fleet.ts";
import { P99_MS, PAYLOAD_BYTES } from "./hop-load.ts";
import { wordOfRun } from "./ledger-callers.ts";
import type { JournalDaemonsOptions, LedgerCallersOptions, RequestedCall } from "./ledger-options.ts";
import { recordCall } from "./ledger-recording.ts";
import { daemonIdOf } from "./part-options.ts";

const DAEMONS = 200;
const DAEMON_PROCESSES = 2;
/** Numbers of daemons that are not of those: the one that is recorded, and those of the bare statements, which are rows only. */
const RECORDED_DAEMON = 1_000_000;
const BARE_DAEMONS = 2_000_000;
/** Callers at once, in turn: what counts is the most calls a second of those whose p99 is low enough. */
const CALLERS = [8, 12, 16, 24, 32, 64] as const;
/** As many as worker and gateway have together. */
const BARE_CONNECTIONS = 2 * LIMITS.postgresConnections;
const TIMES = { warmUpMs: 1_000, driveMs: 4_000 } as const;
/** The first run, which is not counted: some thousand calls, until all processes have compiled what they run often. */
const WARMING = { callers: 32, warmUpMs: 1_000, driveMs: 20_000 } as const;
/** More than can be done in that time: what is left over stays requested. */
const CALLS = 8_000;
const BARE_CALLS = 25_000;
const CALLS_OF_A_CHAT = 100;
/** Chats that are made at once. */
const MAKING = 8;
const TOOL = { name: "read_file", input: { path: "x".repeat(PAYLOAD_BYTES) } } as const;

export const LEDGER_CALLS: BenchPart = {
  name: "ledger",
  says: "tool calls with ledger and journal through one gateway, beside the same statements on bare Postgres",
  goals: ["ledger.calls_ratio"],
  boundMs: () => TRIAL_LIMITS.benchPartMs,
  measure: measureLedger,
};

async function measureLedger(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: false });
  const user = await installation.signUp("ada");
  const tokenFile = await makeToken(installation, user);
  const statements = await recordCall(installation, user, TOOL, async (gatewayUrl) => {
    const daemon = await startDaemons(installation, gatewayUrl, tokenFile, { first: RECORDED_DAEMON, count: 1 });
    return { daemonId: daemonIdOf(RECORDED_DAEMON), stop: () => daemon.stop("SIGTERM") };
  });
  await makeBareDaemons(installation, user);
  const gateway = await startRole(installation, "gateway");
  const count = DAEMONS / DAEMON_PROCESSES;
  await Promise.all(
    Array.from({ length: DAEMON_PROCESSES }, (_, index) =>
      startDaemons(installation, gateway.url, tokenFile, { first: index * count, count }),
    ),
  );
  const { value, load } = await withLoad(async () => {
    const before = await bare(installation, user, statements);
    const ours = await driveOurs(installation, user, gateway);
    return { ours, bare: [before, await bare(installation, user, statements)] };
  });
  return reportOf(value.ours, value.bare, statements, load);
}

interface OursAt extends LoopFacts {
  readonly callers: number;
  /** Processor time of the gateway, warm-up included. */
  readonly gatewayMs: number;
}

/** One process asks for all of them: its first run, which is not counted, makes it as warm as a worker is. */
async function driveOurs(installation: Installation, user: BenchUser, gateway: StartedRole): Promise<OursAt[]> {
  const { databaseUrl, natsUrl, world } = installation;
  const runs: LedgerCallersOptions["runs"] = [];
  for (const loop of [WARMING, ...CALLERS.map((callers) => ({ callers, ...TIMES }))]) {
    runs.push({ callsFile: await makeCalls(installation, user, CALLS, 0), loop });
  }
  const options: LedgerCallersOptions = { natsUrl, databaseUrl, userId: user.id, runs };
  const process = await startPeer(installation, "ledger-callers", options);
  const ours: OursAt[] = [];
  for (const [index, { loop }] of runs.entries()) {
    const spentMs = processorMs(gateway.process.pid);
    const facts = await awaitWord(process, wordOfRun(index), LOOP_FACTS, boundOf(loop), world.signal);
    const gatewayMs = processorMs(gateway.process.pid) - spentMs;
    world.tell(`  ${loop.callers} callers: ${textOf(facts)}`);
    if (index > 0) ours.push({ ...facts, callers: loop.callers, gatewayMs });
  }
  return ours;
}

async function bare(
  installation: Installation,
  user: BenchUser,
  statements: readonly CallStatement[],
): Promise<LoopFacts> {
  const callsFile = await makeCalls(installation, user, BARE_CALLS, BARE_DAEMONS);
  const loop = { callers: BARE_CONNECTIONS, ...TIMES };
  const options: RawLedgerOptions = {
    ...{ databaseUrl: installation.databaseUrl, callsFile, loop },
    statements: statements.map(({ text, values }) => ({ text, values: [...values] })),
  };
  const peer = await startPeer(installation, "raw-ledger", options);
  const facts = await awaitWord(peer, "calls", LOOP_FACTS, boundOf(loop), installation.world.signal);
  installation.world.tell(`  bare Postgres: ${textOf(facts)}`);
  return facts;
}

function boundOf({ warmUpMs, driveMs }: LoopOptions): number {
  return warmUpMs + driveMs + TRIAL_LIMITS.benchAnswerMs;
}

async function startDaemons(
  installation: Installation,
  gatewayUrl: string,
  tokenFile: string,
  some: { readonly first: number; readonly count: number },
): Promise<ManagedProcess> {
  const { hostname: host, port } = new URL(gatewayUrl);
  const options: JournalDaemonsOptions = {
    ...{ host, port: Number(port), tokenFile, folder: join(installation.folder, "journals"), ...some },
    ...{ heartbeatMs: LIMITS.heartbeatBusyMs, resultBytes: PAYLOAD_BYTES },
  };
  const daemons = await startPeer(installation, "journal-daemons", options);
  const shape = z.object({ daemons: z.int() });
  await awaitWord(daemons, "connected", shape, TRIAL_LIMITS.stackReadyMs, installation.world.signal);
  return daemons;
}

async function makeToken({ store, folder }: Installation, user: BenchUser): Promise<string> {
  const { secret, prefix, hash } = mintToken();
  await store.tokens.create({ id: newId("tok"), userId: user.id, name: "bench", scope: "daemon", prefix, hash });
  const path = join(folder, "daemon-token");
  await writeFile(path, secret, { mode: 0o600 });
  return path;
}

/** Rows of daemons whose epoch is that of the recorded one: the fence of its statements holds for them. */
async function makeBareDaemons({ store }: Installation, user: BenchUser): Promise<void> {
  const facts = { userId: user.id, lastEpoch: 0, startCount: 1, name: "bare", labels: {}, platform: "", version: "" };
  const ids = { gatewayId: newId("gtw"), instanceId: newId("ins"), journalId: newId("jrn") };
  for (let index = 0; index < DAEMONS; index++) {
    const answer = await store.daemons.hello({ ...facts, ...ids, daemonId: daemonIdOf(BARE_DAEMONS + index) });
    if (answer.kind !== "taken" || answer.epoch !== 1) {
      throw new ReliantError("internal", `make the row of a daemon: its hello is answered ${answer.kind}`);
    }
  }
}

/** So many requested calls, in a file: one of each chat in turn, and one of each daemon. */
async function makeCalls(
  { store, folder }: Installation,
  user: BenchUser,
  count: number,
  firstDaemon: number,
): Promise<string> {
  const chats: { readonly chatId: string; readonly callIds: readonly string[] }[] = [];
  for (let made = 0; made < count; made += MAKING * CALLS_OF_A_CHAT) {
    const some = Array.from({ length: MAKING }, () => requestCalls(store, user.id, CALLS_OF_A_CHAT, TOOL));
    chats.push(...(await Promise.all(some)));
  }
  const calls: RequestedCall[] = [];
  for (let index = 0; index < CALLS_OF_A_CHAT; index++) {
    for (const { chatId, callIds } of chats) {
      const daemonId = daemonIdOf(firstDaemon + (calls.length % DAEMONS));
      calls.push({ toolCallId: callIds[index] ?? "", chatId, daemonId });
    }
  }
  const path = join(folder, newId("call"));
  await writeFile(path, JSON.stringify(calls));
  return path;
}

function reportOf(
  ours: readonly OursAt[],
  bareRuns: readonly LoopFacts[],
  statements: readonly CallStatement[],
  load: string,
): PartReport {
  const best = ours
    .filter(({ p99Ms }) => p99Ms <= P99_MS)
    .toSorted((left, right) => right.perSecond - left.perSecond)
    .at(0);
  const perSecond = best?.perSecond ?? 0;
  const barePerSecond = bareRuns.reduce((sum, each) => sum + each.perSecond, 0) / bareRuns.length;
  const what = `tool calls with ledger and journal, p99 ≤ ${P99_MS} ms`;
  const raw = { what: `bare Postgres, the same ${statements.length} statements`, value: barePerSecond };
  return {
    figures: [
      { id: "ledger.calls_per_s", what, value: perSecond, unit: "/s", raw },
      { id: "ledger.calls_ratio", what: "the same against bare Postgres", value: perSecond / barePerSecond, unit: "×" },
      { id: "ledger.statements", what: "statements of one of them", value: statements.length, unit: "" },
      ...(best === undefined ? [] : [gatewayFigure(best)]),
    ],
    notes: [
      `ledger (${load}): ${ours.map((each) => `${each.callers} callers: ${textOf(each)}`).join("; ")}; bare, ${BARE_CONNECTIONS} connections, before and after: ${bareRuns.map(textOf).join("; ")}`,
      "ledger: all processes, the daemons' journals and Postgres are on one disk and the same processors; the bare statements have them alone",
    ],
  };
}

function textOf({ perSecond, p50Ms, p99Ms }: LoopFacts): string {
  return `${perSecond.toFixed(0)}/s, p50 ${p50Ms.toFixed(1)}, p99 ${p99Ms.toFixed(1)} ms`;
}

function gatewayFigure({ gatewayMs, perSecond }: OursAt): Figure {
  const seconds = (TIMES.warmUpMs + TIMES.driveMs) / 1000;
  const what = "processor time of one of them, gateway";
  return { id: "ledger.gateway_cpu_ms", what, value: gatewayMs / (perSecond * seconds), unit: "ms" };
}
