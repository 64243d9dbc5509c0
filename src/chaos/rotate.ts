import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import type { DaemonLoss, Trouble } from "./facts.ts";
import { notPossible, rotation } from "./fault-choice.ts";
import type { FaultRow } from "./fault-report.ts";
import { type Fault, ROLE_KINDS } from "./faults.ts";
import type { Random } from "./seeded-random.ts";
import { strike } from "./strike.ts";
import type { Target, Victim } from "./target.ts";

export interface RotationPlan {
  readonly faults: readonly Fault[];
  /** Rotations through all of them; undefined: until `untilMs`, or for ever. */
  readonly rounds: number | undefined;
  /** Moment of the wall clock after which no fault begins. */
  readonly untilMs: number | undefined;
  readonly awayMs: number;
}

/** Those for whose sake it is done. */
export interface Moving {
  readonly isOver: boolean;
  allMovedSince(sinceMs: number, signal: AbortSignal): Promise<void>;
  stillSince(sinceMs: number): string[];
}

export interface RotationDeps {
  readonly target: Target;
  readonly crowd: Moving;
  readonly random: Random;
  readonly clock: Clock;
  /** The beginning of the run, by the wall clock: rows count from it. */
  readonly startedAtMs: number;
  readonly onRow: (row: FaultRow) => Promise<void>;
  readonly onLoss: (loss: DaemonLoss) => void;
  readonly onTrouble: (trouble: Trouble) => void;
}

/** One fault after the other, each in a stack that moves again after the one before. Ends early when the signal aborts, or no chat is left. */
export async function rotate(plan: RotationPlan, deps: RotationDeps, signal: AbortSignal): Promise<void> {
  const { target, clock, onRow } = deps;
  for (const fault of plan.faults) {
    const why = notPossible(fault, target.means);
    if (why !== undefined) await onRow({ ...named(fault), result: { kind: "not possible", why } });
  }
  const possible = plan.faults.filter((fault) => notPossible(fault, target.means) === undefined);
  if (possible.length === 0) return;
  for (let round = 0; plan.rounds === undefined || round < plan.rounds; round++) {
    for (const fault of rotation(possible, deps.random)) {
      if (signal.aborted || deps.crowd.isOver || clock.now() >= (plan.untilMs ?? Number.POSITIVE_INFINITY)) return;
      const fromMs = clock.now();
      const row = await oneFault(fault, plan, deps, signal);
      const untilMs = clock.now();
      deps.onTrouble({ fault: fault.name, fromMs, untilMs, costs: costsOf(fault, row) });
      await onRow({ ...row, fromMs: fromMs - deps.startedAtMs, untilMs: untilMs - deps.startedAtMs });
      await clock.sleep(TRIAL_LIMITS.chaosPauseMs, signal).catch(() => undefined);
    }
  }
}

async function oneFault(fault: Fault, plan: RotationPlan, deps: RotationDeps, signal: AbortSignal): Promise<FaultRow> {
  const { target, crowd, clock } = deps;
  const row = named(fault);
  let hit: string;
  try {
    hit = await strike(fault, { ...deps, awayMs: plan.awayMs, signal });
  } catch (error) {
    await bringBack(target);
    return { ...row, result: { kind: "broke", why: messageOf(error) } };
  }
  const ended = await bringBack(target);
  if (ended.length > 0) return { ...row, hit, result: { kind: "broke", why: `ended by itself: ${ended.join("; ")}` } };
  if (signal.aborted) return { ...row, hit, result: { kind: "interrupted" } };
  const liftedAtMs = clock.stamp().monotonicMs;
  const bound = AbortSignal.any([signal, AbortSignal.timeout(TRIAL_LIMITS.chaosMoveMs)]);
  try {
    await crowd.allMovedSince(liftedAtMs, bound);
    return { ...row, hit, result: { kind: "moved", afterMs: clock.stamp().monotonicMs - liftedAtMs } };
  } catch {
    if (signal.aborted) return { ...row, hit, result: { kind: "interrupted" } };
    return { ...row, hit, result: { kind: "still", waiting: crowd.stillSince(liftedAtMs) } };
  }
}

/** Starts what does not run; answers what that was, with its last words. */
async function bringBack(target: Target): Promise<string[]> {
  const down: Victim[] = ROLE_KINDS.flatMap((role) => target.victims(role)).filter((victim) => !victim.isRunning);
  const lines = down.map((victim) => `${victim.name}\n${victim.newestOutput()}`);
  const started = await Promise.allSettled(down.map((victim) => victim.start()));
  const failures = started.flatMap((start) => (start.status === "rejected" ? [messageOf(start.reason)] : []));
  return [...lines, ...failures];
}

/** Where it broke before it was known which daemon it hit, it may have hit any. */
function costsOf({ costs }: Fault, { hit }: FaultRow): Trouble["costs"] {
  if (costs !== "hit") return costs;
  return hit === "" ? "all" : { daemon: hit };
}

function named(fault: Fault): { readonly name: string; readonly text: string; readonly hit: string } {
  return { name: fault.name, text: fault.text, hit: "" };
}
