import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { BenchPart, BenchWorld } from "../bench-part.ts";
import type { Figure, PartReport } from "../figures.ts";
import { startInstallation } from "../installation.ts";
import { awaitWord, startPeer } from "../peer.ts";
import { residentBytes } from "../proc-facts.ts";
import { withLoad } from "./fleet.ts";
import { GrowingFleet } from "./growing-fleet.ts";
import { driveCalls, driveCosted, type HeldRate, highestHeldRate, isHeld, PAYLOAD_BYTES } from "./hop-load.ts";
import { type IdleAt, type IdleCosts, idleOnBare, idleOnGateway } from "./idle-daemons.ts";
import { LISTENING } from "./part-options.ts";

const SIZES = [1_000, 3_000, 10_000] as const;
const MANY = 10_000;
const FEW = 200;
/** Processes that play daemons, of each growth: they share the processors with what is measured. */
const DRIVERS = { many: 2, few: 1 } as const;
/** A little above the numbers to reach, because what counts is what was reached. */
const MANY_RATES = [1_500, 3_000, 4_100, 5_000, 6_000] as const;
const FEW_RATES = [4_000, 6_000, 8_000, 10_100, 12_000] as const;
const BARE_RATES = [1_000, 2_000, 3_000, ...FEW_RATES] as const;
const SUBJECT = "bench.gateway.echo";
const READY_MS = 120_000;
/** Rounds of traffic at a rate that any machine holds: memory must not grow from one to the next. */
const ROUNDS = 3;
const ROUND_RATE = 1_000;
const ROUND_CALLERS = 500;

export const GATEWAY_HOP: BenchPart = {
  name: "gateway",
  says: "one gateway: 10,000 daemons idle, on Postgres; calls through it with 10,000 and with 200, nothing stored",
  goals: [
    "gateway.idle_kb",
    "gateway.idle_core_percent",
    "gateway.idle_core_ratio",
    "gateway.traffic_kb",
    "gateway.rounds_growth_kb",
    "gateway.hop_10000_per_s",
    "gateway.hop_200_per_s",
  ],
  boundMs: () => 900_000,
  measure: measureGateway,
};

/** One after the other: what is measured never runs beside what it is compared with. */
async function measureGateway(world: BenchWorld): Promise<PartReport> {
  const ours = await idleOnGateway(world);
  const bare = await idleOnBare(world);
  const many = await measureMany(world);
  const few = await measureFew(world);
  const echo = { raw: { what: "NATS request and reply, 200 callers", value: few.echoPerSecond } };
  return {
    figures: [
      ...idleFigures(ours.most, bare.most),
      figure(
        "traffic_kb",
        `gateway, 10,000 daemons: memory each after ${ROUNDS} rounds of calls`,
        many.kilobytes.last,
        "KB",
      ),
      figure(
        "rounds_growth_kb",
        "gateway, 10,000 daemons: memory each, last round less the first",
        many.kilobytes.growth,
        "KB",
      ),
      figure("hop_10000_per_s", "hop alone, 10,000 daemons, p99 ≤ 50 ms: calls", many.held.perSecond, "/s", echo),
      figure("hop_p50_ms", "hop alone, one caller: p50", few.p50Ms, "ms", {
        raw: { what: "NATS request and reply, one caller: p50", value: few.echoP50Ms },
      }),
      figure("hop_200_per_s", "hop alone, 200 daemons, p99 ≤ 50 ms: calls", few.held.perSecond, "/s", {
        raw: { what: "the same messages through bare NATS and connect-node", value: few.bareHeld.perSecond },
      }),
    ],
    growths: [
      idleGrowth("idle_memory_growth", "gateway, idle daemons: memory", "MB", ours, ({ megabytes }) => megabytes),
      idleGrowth(
        "idle_core_growth",
        "gateway, idle daemons: processor",
        "% of a core",
        ours,
        ({ corePercent }) => corePercent,
      ),
      {
        ...{
          id: "gateway.hop_daemons_growth",
          what: `gateway, processor of a second with ${ROUND_RATE} calls`,
          unit: "ms",
        },
        ...{ of: "daemons", mayBe: "linear", points: many.calls },
      },
      {
        ...{ id: "gateway.hop_rate_growth", what: "gateway, calls to 10,000 daemons: processor", unit: "% of a core" },
        ...{ of: "calls a second", mayBe: "linear" },
        points: many.held.costs.map(({ facts, corePercent }) => ({
          size: Math.round(facts.perSecond),
          value: corePercent,
        })),
      },
    ],
    notes: [
      `idle: a gateway as users run it on Postgres, tokens checked, pings every ${LIMITS.http2PingMs / 1000} s: ${ours.most.load}; bare, with the same beats and pings and nothing else: ${bare.most.load}`,
      "hop: over a store in memory, which keeps nothing",
      `hop, 10,000 daemons (${many.load}): ${many.held.tried.join("; ")}`,
      `hop, 200 daemons (${few.load}): ${few.held.tried.join("; ")}`,
      `the same through bare NATS and connect-node: ${few.bareHeld.tried.join("; ")}`,
    ],
  };
}

function idleFigures(ours: IdleAt, bare: IdleAt): Figure[] {
  const each = ({ megabytes, daemons }: IdleAt) => (1000 * megabytes) / daemons;
  const raw = (what: string, value: number) => ({ raw: { what: `bare connect-node: ${what}`, value } });
  return [
    figure("idle_kb", "gateway, 10,000 daemons idle: memory each", each(ours), "KB", raw("memory", each(bare))),
    figure(
      "idle_core_percent",
      "gateway, 10,000 daemons idle: processor",
      ours.corePercent,
      "% of a core",
      raw("processor", bare.corePercent),
    ),
    figure(
      "idle_core_ratio",
      "gateway, 10,000 daemons idle: processor against bare connect-node",
      ours.corePercent / bare.corePercent,
      "×",
    ),
  ];
}

function idleGrowth(id: string, what: string, unit: string, { points }: IdleCosts, value: (at: IdleAt) => number) {
  return {
    ...{ id: `gateway.${id}`, what, unit, of: "daemons", mayBe: "linear" as const },
    points: points.map((at) => ({ size: at.daemons, value: value(at) })),
  };
}

interface ManyFacts {
  readonly kilobytes: { readonly last: number; readonly growth: number };
  /** By the number of daemons: processor of a second with `ROUND_RATE` calls, milliseconds. */
  readonly calls: readonly { readonly size: number; readonly value: number }[];
  readonly held: HeldRate;
  readonly load: string;
}

/** The gateway's parts as in production over a store in memory, with so many daemons. */
async function measureMany(world: BenchWorld): Promise<ManyFacts> {
  await using installation = await startInstallation(world, { temporal: false });
  const { natsUrl } = installation;
  const { pid, port } = await startPart(world, await startPeer(installation, "gateway-hop", { natsUrl }));
  const emptyBytes = residentBytes(pid);
  const kilobytesEach = () => (residentBytes(pid) - emptyBytes) / 1000 / MANY;
  const fleet = new GrowingFleet(installation, daemonsOf(port), DRIVERS.many);
  const calls: { size: number; value: number }[] = [];
  const round = async (daemons: number) => {
    const load = { daemons, callers: ROUND_CALLERS, perSecond: ROUND_RATE };
    const { facts, msPerCall } = await driveCosted(installation, pid, load);
    if (!isHeld(facts, ROUND_RATE)) {
      throw new ReliantError(
        "failed_precondition",
        `make a round of calls: ${facts.perSecond.toFixed(0)} of ${ROUND_RATE} a second, ${facts.failed} failed: measure when the machine is idle`,
      );
    }
    return msPerCall * ROUND_RATE;
  };
  for (const size of SIZES) {
    await fleet.growTo(size);
    calls.push({ size, value: await round(size) });
  }
  const rounds = [kilobytesEach()];
  while (rounds.length < ROUNDS) {
    await round(MANY);
    rounds.push(kilobytesEach());
  }
  const { value: held, load } = await withLoad(() => highestHeldRate(installation, pid, MANY, MANY_RATES));
  await fleet.stop();
  const [first = 0, last = 0] = [rounds.at(0), rounds.at(-1)];
  return { kilobytes: { last, growth: last - first }, calls, held, load };
}

async function measureFew(world: BenchWorld) {
  await using installation = await startInstallation(world, { temporal: false });
  const { natsUrl } = installation;
  const { pid, port } = await startPart(world, await startPeer(installation, "gateway-hop", { natsUrl }));
  const fleet = new GrowingFleet(installation, daemonsOf(port), DRIVERS.few);
  await fleet.growTo(FEW);
  const { p50Ms } = await driveCalls(installation, { kind: "hop", callers: 1, daemons: FEW, perSecond: 0 });
  const { value: held, load } = await withLoad(() => highestHeldRate(installation, pid, FEW, FEW_RATES));
  await fleet.stop();
  // Only now: it takes the requests to any daemon.
  const beats = { subject: SUBJECT, heartbeatMs: LIMITS.heartbeatIdleMs };
  const bare = await startPart(world, await startPeer(installation, "gateway-bare", { natsUrl, ...beats }));
  const echoOf = (callers: number) =>
    driveCalls(installation, { kind: "nats", subject: SUBJECT, callers, daemons: FEW, perSecond: 0 });
  const { p50Ms: echoP50Ms } = await echoOf(1);
  const { perSecond: echoPerSecond } = await echoOf(200);
  const bareFleet = new GrowingFleet(installation, daemonsOf(bare.port), DRIVERS.few);
  await bareFleet.growTo(FEW);
  const bareHeld = await highestHeldRate(installation, bare.pid, FEW, BARE_RATES);
  await bareFleet.stop();
  return { p50Ms, echoP50Ms, held, load, echoPerSecond, bareHeld };
}

async function startPart({ signal }: BenchWorld, peer: Awaited<ReturnType<typeof startPeer>>) {
  const { port } = await awaitWord(peer, "listening", LISTENING, READY_MS, signal);
  return { pid: peer.pid, port };
}

function daemonsOf(port: number) {
  const paces = { opening: 64, heartbeatMs: LIMITS.heartbeatIdleMs, pingMs: LIMITS.http2PingMs };
  return { gateways: [{ host: "127.0.0.1", port }], ...paces, resultBytes: PAYLOAD_BYTES };
}

function figure(id: string, what: string, value: number, unit: string, rest: Pick<Figure, "raw"> = {}): Figure {
  return { id: `gateway.${id}`, what, value, unit, ...rest };
}
