import { LIMITS } from "../../core/limits.ts";
import type { ManagedProcess } from "../../stack/managed-process.ts";
import type { BenchWorld } from "../bench-part.ts";
import { startRole } from "../bench-roles.ts";
import { type Installation, startInstallation } from "../installation.ts";
import { awaitWord, startPeer } from "../peer.ts";
import { processorMs, residentBytes } from "../proc-facts.ts";
import { makeDaemonTokens } from "./daemon-tokens.ts";
import { withLoad } from "./fleet.ts";
import { GrowingFleet } from "./growing-fleet.ts";
import { PAYLOAD_BYTES } from "./hop-load.ts";
import { LISTENING } from "./part-options.ts";

/** Processes that play daemons, of each growth. */
const DRIVERS = 2;
const READY_MS = 30_000;
const SETTLE_MS = 3_000;
/** How long so many daemons are watched: few cost little, and for the most the figure is asked for. */
const SIZES = [
  { daemons: 1_000, watchMs: 12_000 },
  { daemons: 3_000, watchMs: 12_000 },
  { daemons: 10_000, watchMs: 40_000 },
] as const;

/** What so many idle daemons cost the program that holds them. */
export interface IdleAt {
  readonly daemons: number;
  /** More than it had before the first. */
  readonly megabytes: number;
  readonly corePercent: number;
  readonly load: string;
}

/** What a program costs that holds daemons which do nothing but beat and ping, at each size; nothing else runs meanwhile. */
export interface IdleCosts {
  readonly points: readonly IdleAt[];
  /** At the largest size. */
  readonly most: IdleAt;
}

/** A gateway as users run it, on Postgres, each daemon with a token of its own. */
export async function idleOnGateway(world: BenchWorld): Promise<IdleCosts> {
  await using installation = await startInstallation(world, { temporal: false });
  const tokensFile = await makeDaemonTokens(installation, SIZES.at(-1)?.daemons ?? 0);
  const { process, url } = await startRole(installation, "gateway");
  return await watch(installation, process, Number(new URL(url).port), tokensFile);
}

/** A program of connect-node and nothing else. */
export async function idleOnBare(world: BenchWorld): Promise<IdleCosts> {
  await using installation = await startInstallation(world, { temporal: false });
  const options = { natsUrl: installation.natsUrl, subject: "bench.idle", heartbeatMs: LIMITS.heartbeatIdleMs };
  const bare = await startPeer(installation, "gateway-bare", options);
  const { port } = await awaitWord(bare, "listening", LISTENING, READY_MS, world.signal);
  return await watch(installation, bare, port);
}

async function watch(
  installation: Installation,
  server: ManagedProcess,
  port: number,
  tokensFile?: string,
): Promise<IdleCosts> {
  const { world } = installation;
  const emptyBytes = residentBytes(server.pid);
  const paces = { opening: 64, heartbeatMs: LIMITS.heartbeatIdleMs, pingMs: LIMITS.http2PingMs };
  const gateways = [{ host: "127.0.0.1", port }];
  const options = { gateways, tokensFile, ...paces, resultBytes: PAYLOAD_BYTES };
  const fleet = new GrowingFleet(installation, options, DRIVERS);
  const points: IdleAt[] = [];
  for (const { daemons, watchMs } of SIZES) {
    await fleet.growTo(daemons);
    await world.clock.sleep(SETTLE_MS, world.signal);
    const megabytes = (residentBytes(server.pid) - emptyBytes) / 1e6;
    const [spentMs, sinceMs] = [processorMs(server.pid), performance.now()];
    const { load } = await withLoad(() => world.clock.sleep(watchMs, world.signal));
    const corePercent = (100 * (processorMs(server.pid) - spentMs)) / (performance.now() - sinceMs);
    points.push({ daemons, megabytes, corePercent, load });
    world.tell(`  ${daemons} idle: ${megabytes.toFixed(0)} MB, ${corePercent.toFixed(1)} % of a core, ${load}`);
  }
  await fleet.stop();
  const most = points.at(-1);
  if (most === undefined) throw new Error("no idle daemons were watched");
  return { points, most };
}
