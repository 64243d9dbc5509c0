import type { BenchPart, BenchWorld } from "../bench-part.ts";
import type { Figure, PartReport } from "../figures.ts";
import { type Installation, startInstallation } from "../installation.ts";
import { awaitWord, startPeer } from "../peer.ts";
import { processorMs, residentBytes } from "../proc-facts.ts";
import { startFleet, withLoad } from "./fleet.ts";
import { driveCalls, highestHeldRate, PAYLOAD_BYTES } from "./hop-load.ts";
import { LISTENING } from "./part-options.ts";

const MANY = 10_000;
const FEW = 200;
const MANY_RATES = [1_000, 2_000, 3_000, 4_000, 5_000, 6_000] as const;
const FEW_RATES = [2_000, 4_000, 6_000, 8_000, 10_000, 12_000] as const;
const SUBJECT = "bench.gateway.echo";
const HEARTBEAT_MS = 30_000;
const READY_MS = 120_000;
const SETTLE_MS = 5_000;
const WATCH_MS = 60_000;
/** Rounds of traffic at a rate that any machine holds: memory must not grow from one to the next. */
const ROUNDS = 3;
const ROUND_RATE = 1_000;

export const GATEWAY_HOP: BenchPart = {
  name: "gateway",
  says: "one gateway: 10,000 daemons idle and under calls, 200 under calls; nothing stored",
  boundMs: () => 900_000,
  measure: async (world) => mergeOf([await measureMany(world), await measureFew(world)]),
};

/** The gateway's parts as in production over a store in memory, with so many daemons; and the bare program beside it. */
async function measureMany(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: false });
  const [gateway, bare] = [await idle(installation, "gateway-hop"), await idle(installation, "gateway-bare")];
  await bare.stop();
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await driveCalls(installation, { kind: "hop", daemons: MANY, callers: 500, perSecond: ROUND_RATE });
    rounds.push(gateway.kilobytesEach());
  }
  const { value: held, load } = await withLoad(() => highestHeldRate(installation, MANY, MANY_RATES));
  const [first = 0, last = 0] = [rounds[0], rounds.at(-1)];
  await gateway.stop();
  const raw = (what: string, value: number) => ({ raw: { what: `bare connect-node: ${what}`, value } });
  return {
    figures: [
      figure(
        "gateway.idle_kb",
        "gateway, 10,000 daemons idle: memory each",
        gateway.idleKb,
        "KB",
        raw("memory", bare.idleKb),
      ),
      figure(
        "gateway.idle_core_percent",
        "the same: processor",
        gateway.idlePercent,
        "% of a core",
        raw("processor", bare.idlePercent),
      ),
      figure(
        "gateway.idle_core_ratio",
        "the same, against bare connect-node",
        gateway.idlePercent / bare.idlePercent,
        "×",
      ),
      figure("gateway.traffic_kb", `memory each after ${ROUNDS} rounds of calls`, last, "KB"),
      figure("gateway.rounds_growth_kb", "memory each, last round less the first", last - first, "KB"),
      figure("gateway.hop_10000_per_s", "hop alone, 10,000 daemons, p99 ≤ 50 ms: calls", held.perSecond, "/s"),
    ],
    notes: [`idle: ${gateway.load}; bare: ${bare.load}`, `hop, 10,000 daemons (${load}): ${held.tried.join("; ")}`],
  };
}

async function measureFew(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: false });
  const { natsUrl } = installation;
  const gateway = await startPeer(installation, "gateway-hop", { natsUrl });
  const { port } = await awaitWord(gateway, "listening", LISTENING, READY_MS, world.signal);
  const fleet = await startFleet(installation, FEW, 1, daemonsOf(port));
  await fleet.awaitThat("the daemons", ({ connected }) => connected === FEW, READY_MS);
  const echo = await startPeer(installation, "gateway-bare", { natsUrl, subject: SUBJECT, heartbeatMs: HEARTBEAT_MS });
  await awaitWord(echo, "listening", LISTENING, READY_MS, world.signal);
  const one = await driveCalls(installation, { kind: "hop", daemons: FEW, callers: 1, perSecond: 0 });
  const bareOne = await driveCalls(installation, {
    kind: "nats",
    subject: SUBJECT,
    daemons: FEW,
    callers: 1,
    perSecond: 0,
  });
  const { value: held, load } = await withLoad(() => highestHeldRate(installation, FEW, FEW_RATES));
  const bareMany = await driveCalls(installation, {
    kind: "nats",
    subject: SUBJECT,
    daemons: FEW,
    callers: 200,
    perSecond: 0,
  });
  await fleet.stop();
  return {
    figures: [
      figure("gateway.hop_p50_ms", "hop alone, one caller: p50", one.p50Ms, "ms", {
        raw: { what: "NATS request and reply, one caller: p50", value: bareOne.p50Ms },
      }),
      figure("gateway.hop_200_per_s", "hop alone, 200 daemons, p99 ≤ 50 ms: calls", held.perSecond, "/s", {
        raw: { what: "NATS request and reply, 200 callers", value: bareMany.perSecond },
      }),
    ],
    notes: [`hop, 200 daemons (${load}): ${held.tried.join("; ")}`],
  };
}

interface Idle {
  readonly idleKb: number;
  readonly idlePercent: number;
  readonly load: string;
  kilobytesEach(): number;
  stop(): Promise<void>;
}

/** Ten thousand daemons on that program, and what it takes while they do nothing but beat. */
async function idle(installation: Installation, program: "gateway-hop" | "gateway-bare"): Promise<Idle> {
  const { natsUrl, world } = installation;
  const options = { natsUrl, subject: SUBJECT, heartbeatMs: HEARTBEAT_MS };
  const server = await startPeer(installation, program, options);
  const { port } = await awaitWord(server, "listening", LISTENING, READY_MS, world.signal);
  const emptyBytes = residentBytes(server.pid);
  const kilobytesEach = () => (residentBytes(server.pid) - emptyBytes) / 1000 / MANY;
  const fleet = await startFleet(installation, MANY, 2, daemonsOf(port));
  await fleet.awaitThat("the daemons", ({ connected }) => connected === MANY, READY_MS);
  await world.clock.sleep(SETTLE_MS, world.signal);
  const idleKb = kilobytesEach();
  const [spentMs, sinceMs] = [processorMs(server.pid), performance.now()];
  const { load } = await withLoad(() => world.clock.sleep(WATCH_MS, world.signal));
  const idlePercent = (100 * (processorMs(server.pid) - spentMs)) / (performance.now() - sinceMs);
  world.tell(`  ${program}: ${idleKb.toFixed(0)} KB each, ${idlePercent.toFixed(1)} % of a core, ${load}`);
  const stop = async () => {
    await fleet.stop();
    await server.stop("SIGKILL");
  };
  return { idleKb, idlePercent, load, kilobytesEach, stop };
}

function daemonsOf(port: number) {
  const paces = { opening: 64, heartbeatMs: HEARTBEAT_MS, pingMs: 0, resultBytes: PAYLOAD_BYTES };
  return { gateways: [{ host: "127.0.0.1", port }], ...paces };
}

function figure(id: string, what: string, value: number, unit: string, rest: Pick<Figure, "raw"> = {}): Figure {
  return { id, what, value, unit, ...rest };
}

function mergeOf(reports: readonly PartReport[]): PartReport {
  return {
    figures: reports.flatMap(({ figures }) => figures),
    notes: reports.flatMap(({ notes = [] }) => notes),
  };
}
