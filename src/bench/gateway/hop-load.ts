import type { Installation } from "../installation.ts";
import { awaitWord, startPeer } from "../peer.ts";
import { CALLER_FACTS, type CallerFacts, type CallerOptions } from "./part-options.ts";

/** What counts as held: nearly all calls that were due were made, none failed, and the slowest hundredth is quick. */
const P99_MS = 50;
const HELD_SHARE = 0.97;
/** Calls under way at most; beyond it, they are late. */
const UNDER_WAY = 2_000;
const WARM_UP_MS = 1_500;
const DRIVE_MS = 5_000;
/** Both ways: the input of a request, and the text of a result. */
export const PAYLOAD_BYTES = 1024;

type Load = Pick<CallerOptions, "kind" | "daemons" | "callers" | "perSecond"> & { readonly subject?: string };

export async function driveCalls(installation: Installation, load: Load): Promise<CallerFacts> {
  const { natsUrl, world } = installation;
  const rest = { natsUrl, warmUpMs: WARM_UP_MS, driveMs: DRIVE_MS, requestBytes: PAYLOAD_BYTES };
  const caller = await startPeer(installation, "gateway-caller", { ...load, ...rest });
  return awaitWord(caller, "calls", CALLER_FACTS, WARM_UP_MS + DRIVE_MS + 20_000, world.signal);
}

export interface HeldRate {
  /** The highest of the rates that was held; 0: none. */
  readonly perSecond: number;
  readonly at: CallerFacts | undefined;
  readonly tried: readonly string[];
}

/** Raises the rate step by step until it is no longer held: p99 over 50 ms, calls that are late, or calls that fail. */
export async function highestHeldRate(
  installation: Installation,
  daemons: number,
  rates: readonly number[],
): Promise<HeldRate> {
  let held: Omit<HeldRate, "tried"> = { perSecond: 0, at: undefined };
  const tried: string[] = [];
  for (const perSecond of rates) {
    const facts = await driveCalls(installation, { kind: "hop", daemons, callers: UNDER_WAY, perSecond });
    const { p50Ms, p99Ms, failed } = facts;
    tried.push(`${perSecond}/s: ${facts.perSecond.toFixed(0)}/s, p50 ${p50Ms.toFixed(1)}, p99 ${p99Ms.toFixed(1)} ms`);
    installation.world.tell(`  ${daemons} daemons, ${tried.at(-1)}`);
    if (failed > 0 || p99Ms > P99_MS || facts.perSecond < HELD_SHARE * perSecond) break;
    held = { perSecond, at: facts };
  }
  return { ...held, tried };
}
