import { LIMITS } from "../../core/limits.ts";
import type { BenchPart, BenchWorld } from "../bench-part.ts";
import { startRole } from "../bench-roles.ts";
import type { PartReport } from "../figures.ts";
import { type Installation, startInstallation } from "../installation.ts";
import { awaitWord, startPeer } from "../peer.ts";
import { type DatabaseUse, openPostgresTap, type PostgresTap } from "../postgres-tap.ts";
import { makeDaemonTokens } from "./daemon-tokens.ts";
import { startFleet, withLoad } from "./fleet.ts";
import { PAYLOAD_BYTES } from "./hop-load.ts";
import { type DriverFacts, type DriverOptions, LISTENING } from "./part-options.ts";

const SIZES = [1_000, 3_000, 10_000] as const;
const DAEMONS = 10_000;
const PROCESSES = 4;
const READY_MS = 30_000;
const CONNECT_MS = 180_000;
const LOST_MS = 30_000;

export const GATEWAY_STORM: BenchPart = {
  name: "gateway-storm",
  says: "two gateways, one is killed: until all of 1,000, 3,000 and 10,000 daemons are back on the other, each with a token of its own",
  goals: ["gateway.storm_back_s", "gateway.storm_refused", "gateway.storm_statements"],
  boundMs: () => 600_000,
  measure: measureStorm,
};

/** Two programs that hold daemons: where they listen, and the end of the first. */
interface Pair extends AsyncDisposable {
  readonly gateways: DriverOptions["gateways"];
  killFirst(): Promise<void>;
}

interface StormAt {
  readonly size: number;
  readonly connectMs: number;
  readonly backMs: number;
  /** What the daemons met on their way back. */
  readonly met: DriverFacts;
  readonly load: string;
  /** Of the gateway that they came back to, meanwhile. */
  readonly statements: number;
  readonly use: DatabaseUse;
}

/** Gateways as users run them, on Postgres. Each daemon comes back at the pace of a real one: jittered, and slower with each failure. */
async function measureStorm(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: false });
  const all = SIZES.reduce((sum, size) => sum + size, 0);
  const tokensFile = await makeDaemonTokens(installation, all);
  await using tap = await openPostgresTap(installation.databaseUrl);
  const storms: StormAt[] = [];
  for (const size of SIZES) {
    await using pair = await startGateways(installation, tap);
    // Others each time: the rows of those that were there would have them come twice.
    const from = storms.reduce((sum, before) => sum + before.size, 0);
    storms.push(await storm(installation, pair, { from, size, tokensFile }, tap));
  }
  await using pair = await startBare(installation);
  const bare = await storm(installation, pair, { from: 0, size: DAEMONS }, tap);
  const ours = storms.find(({ size }) => size === DAEMONS);
  if (ours === undefined) throw new Error("the storm of all daemons was not measured");
  return reportOf(storms, ours, bare);
}

async function startGateways(installation: Installation, tap: PostgresTap): Promise<Pair> {
  const [first, second] = await Promise.all([
    startRole(installation, "gateway"),
    startRole(installation, "gateway", { databaseUrl: tap.url }),
  ]);
  return {
    gateways: [first, second].map(({ url }) => ({ host: "127.0.0.1", port: Number(new URL(url).port) })),
    killFirst: () => first.process.kill9(),
    [Symbol.asyncDispose]: async () => void (await second.process.stop("SIGKILL")),
  };
}

/** The same of connect-node and nothing else: no tokens, no store. */
async function startBare(installation: Installation): Promise<Pair> {
  const { natsUrl, world } = installation;
  const options = { natsUrl, subject: "bench.storm", heartbeatMs: LIMITS.heartbeatIdleMs };
  const start = async () => {
    const peer = await startPeer(installation, "gateway-bare", options);
    return { peer, ...(await awaitWord(peer, "listening", LISTENING, READY_MS, world.signal)) };
  };
  const [first, second] = await Promise.all([start(), start()]);
  return {
    gateways: [first, second].map(({ port }) => ({ host: "127.0.0.1", port })),
    killFirst: () => first.peer.kill9(),
    [Symbol.asyncDispose]: async () => void (await second.peer.stop("SIGKILL")),
  };
}

async function storm(
  installation: Installation,
  pair: Pair,
  { from, size, tokensFile }: { readonly from: number; readonly size: number; readonly tokensFile?: string },
  tap: PostgresTap,
): Promise<StormAt> {
  const paces = { heartbeatMs: LIMITS.heartbeatIdleMs, pingMs: LIMITS.http2PingMs };
  const options = { opening: 64, resultBytes: PAYLOAD_BYTES, ...paces };
  const daemons = { ...options, gateways: [...pair.gateways], tokensFile };
  const fleet = await startFleet(installation, size, PROCESSES, daemons, from);
  const connectMs = await fleet.awaitThat("the daemons", ({ connected }) => connected === size, CONNECT_MS);
  const before = fleet.facts();
  // Who did not come in at the first attempt may be on the second gateway already.
  const onFirst = size - before.refusedConnections - before.resetConnections - before.endedByServer;
  tap.take();
  tap.takeUse();
  const { value: backMs, load } = await withLoad(async () => {
    const killedMs = performance.now();
    await pair.killFirst();
    await fleet.awaitThat("the losses", ({ losses }) => losses - before.losses >= Math.max(1, onFirst), LOST_MS);
    await fleet.awaitThat("all to be back", ({ connected }) => connected === size, CONNECT_MS);
    return performance.now() - killedMs;
  });
  const statements = [...tap.take().values()].reduce((sum, count) => sum + count, 0);
  const use = tap.takeUse();
  const after = fleet.facts();
  await fleet.stop();
  installation.world.tell(`  ${size} daemons: back after ${(backMs / 1000).toFixed(1)} s, ${load}`);
  const met = {
    connected: after.connected,
    refusedForGood: after.refusedForGood - before.refusedForGood,
    refusedConnections: after.refusedConnections - before.refusedConnections,
    resetConnections: after.resetConnections - before.resetConnections,
    endedByServer: after.endedByServer - before.endedByServer,
    losses: after.losses - before.losses,
  };
  return { size, connectMs, backMs, met, load, statements, use };
}

function reportOf(storms: readonly StormAt[], ours: StormAt, bare: StormAt): PartReport {
  const { met, use } = ours;
  const raw = (value: number) => ({ raw: { what: "bare connect-node, no tokens, no store", value } });
  const count = (id: string, what: string, value: number, unit = "") => ({ id: `gateway.${id}`, what, value, unit });
  return {
    figures: [
      {
        ...count("storm_back_s", "10,000 daemons back on another gateway", ours.backMs / 1000, "s"),
        ...raw(bare.backMs / 1000),
      },
      count("storm_refused", "10,000 daemons back on another gateway: refused for good", met.refusedForGood, "daemons"),
      count(
        "storm_statements",
        "10,000 daemons back on another gateway: statements on Postgres for each",
        ours.statements / ours.size,
      ),
      count("storm_connections", "the same: connections to Postgres with something under way at once", use.mostBusy),
      count("storm_longest_ms", "the same: the longest that one of the statements took", use.longestMs, "ms"),
      {
        ...count("connect_s", "10,000 daemons connected for the first time", ours.connectMs / 1000, "s"),
        ...raw(bare.connectMs / 1000),
      },
      count("storm_resets", "attempts that were reset on the way back", met.resetConnections),
    ],
    growths: [
      {
        ...{
          id: "gateway.storm_growth",
          what: "daemons back on another gateway",
          unit: "s",
          of: "daemons",
          mayBe: "linear",
        },
        points: storms.map(({ size, backMs }) => ({ size, value: backMs / 1000 })),
      },
      {
        ...{
          id: "gateway.storm_statements_growth",
          what: "daemons back on another gateway, statements on Postgres",
          unit: "",
        },
        ...{ of: "daemons", mayBe: "linear" },
        points: storms.map(({ size, statements }) => ({ size, value: statements })),
      },
    ],
    notes: [
      `storm: ${ours.load}; attempts that found nobody ${met.refusedConnections}, ended by the gateway ${met.endedByServer}; bare: ${bare.load}`,
      `storm: statements are those of the gateway that they came back to, its polls included; ${use.mostOpen} connections were open, of ${LIMITS.postgresConnections} in its pool`,
    ],
  };
}
