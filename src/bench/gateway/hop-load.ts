import type { BenchWorld } from "../bench-part.ts";
import type { Installation } from "../installation.ts";
import { awaitWord, startPeer } from "../peer.ts";
import { processorMs } from "../proc-facts.ts";
import { CALLER_FACTS, type CallerFacts, type CallerOptions } from "./part-options.ts";

/** What counts as held: nearly all calls that were due were made, none failed, and the slowest hundredth is quick. */
export const P99_MS = 50;
const HELD_SHARE = 0.97;
/** Calls under way at most; beyond it, they are late. */
const UNDER_WAY = 2_000;
/** Each caller is a new process: until its code and the gateway's is compiled, both take half as much again. */
const WARM_UP_MS = 4_000;
const DRIVE_MS = 5_000;
/** Both ways: the input of a request, and the text of a result. */
export const PAYLOAD_BYTES = 1024;

/** Where callers are started, and what they call through. */
type Callers = Pick<Installation, "natsUrl" | "spawn"> & { readonly world: Pick<BenchWorld, "signal" | "tell"> };
type Load = Pick<CallerOptions, "kind" | "daemons" | "callers" | "perSecond"> & { readonly subject?: string };

/** What was done, and what it cost another process. */
export interface CostedCalls {
  readonly facts: CallerFacts;
  /** Processor time of that process for one call, the caller's start and its warm-up counted in. */
  readonly msPerCall: number;
  /** The same as a share of one core, percent. */
  readonly corePercent: number;
}

/** Calls at a steady pace, and what they cost the process `pid`. */
export async function driveCosted(installation: Callers, pid: number, load: Omit<Load, "kind">): Promise<CostedCalls> {
  const spentMs = processorMs(pid);
  const facts = await driveCalls(installation, { ...load, kind: "hop" });
  const msPerCall = (processorMs(pid) - spentMs) / ((facts.perSecond * (WARM_UP_MS + DRIVE_MS)) / 1000);
  return { facts, msPerCall, corePercent: (msPerCall * facts.perSecond) / 10 };
}

export async function driveCalls(installation: Callers, load: Load): Promise<CallerFacts> {
  const { natsUrl, world } = installation;
  const rest = { natsUrl, warmUpMs: WARM_UP_MS, driveMs: DRIVE_MS, requestBytes: PAYLOAD_BYTES };
  const caller = await startPeer(installation, "gateway-caller", { ...load, ...rest });
  return awaitWord(caller, "calls", CALLER_FACTS, WARM_UP_MS + DRIVE_MS + 20_000, world.signal);
}

export interface HeldRate {
  /** What was reached at the highest of the rates that was held; 0: none was. */
  readonly perSecond: number;
  readonly tried: readonly string[];
  /** Of each rate that was held: what was reached, and the gateway's processor. */
  readonly costs: readonly CostedCalls[];
}

/** A rate that is not held is tried once more: the host takes its share of a few seconds, too. */
const TRIES = 2;

/** Raises the rate step by step until it is no longer held: p99 over 50 ms, calls that are late, or calls that fail. `pid`: the gateway. */
export async function highestHeldRate(
  installation: Callers,
  pid: number,
  daemons: number,
  rates: readonly number[],
): Promise<HeldRate> {
  let held = 0;
  const tried: string[] = [];
  const costs: CostedCalls[] = [];
  const holds = async (perSecond: number): Promise<boolean> => {
    const costed = await driveCosted(installation, pid, { daemons, callers: UNDER_WAY, perSecond });
    const { facts } = costed;
    const { p50Ms, p99Ms } = facts;
    tried.push(`${perSecond}/s: ${facts.perSecond.toFixed(0)}/s, p50 ${p50Ms.toFixed(1)}, p99 ${p99Ms.toFixed(1)} ms`);
    installation.world.tell(`  ${daemons} daemons, ${tried.at(-1)}`);
    if (p99Ms > P99_MS || !isHeld(facts, perSecond)) return false;
    held = facts.perSecond;
    costs.push(costed);
    return true;
  };
  for (const perSecond of rates) {
    let isHeldOnce = false;
    for (let tries = 0; tries < TRIES && !isHeldOnce; tries++) isHeldOnce = await holds(perSecond);
    if (!isHeldOnce) break;
  }
  return { perSecond: held, tried, costs };
}

/** True where nearly all calls that were due were made, and none failed. */
export function isHeld({ failed, perSecond }: CallerFacts, asked: number): boolean {
  return failed === 0 && perSecond >= HELD_SHARE * asked;
}
