import type { Clock } from "../core/clock.ts";
import { ReliantError, unreachable } from "../core/errors.ts";
import type { ToxicDirection } from "../stack/toxics.ts";
import { takeDescriptors } from "./descriptor-limit.ts";
import type { DaemonLoss } from "./facts.ts";
import type { Fault, FaultAct } from "./faults.ts";
import { pick, type Random } from "./seeded-random.ts";
import type { ChaosDaemon, Target, Victim } from "./target.ts";

export interface StrikeContext {
  readonly target: Target;
  readonly random: Random;
  readonly clock: Clock;
  readonly awayMs: number;
  /** A daemon was killed. */
  readonly onLoss: (loss: DaemonLoss) => void;
  /** Ends the fault before its time. What it broke is brought back all the same. */
  readonly signal: AbortSignal;
}

/**
 * Makes the fault, keeps it up for its time and takes it back: everything stands again when this resolves. Answers what
 * was hit. Throws where the victim did not end, or did not come back.
 */
export async function strike(fault: Fault, context: StrikeContext): Promise<string> {
  const holdMs = fault.lasts === "away" ? context.awayMs : fault.lasts;
  const hold = () =>
    holdMs === 0 ? Promise.resolve() : context.clock.sleep(holdMs, context.signal).catch(() => undefined);
  const { act } = fault;
  switch (act.kind) {
    case "process":
      return onProcess(act, context, hold);
    case "server": {
      const server = found(context.target.server(act.server), act.server);
      await server.kill9();
      await hold();
      await server.restart();
      return "";
    }
    case "link":
      return onLink(act, context, hold);
    case "full disk": {
      const daemon = found(
        context.target.daemons.find(({ disk }) => disk !== undefined),
        "daemon on a small disk",
      );
      try {
        await daemon.disk?.fill();
        await hold();
      } finally {
        await daemon.disk?.free();
      }
      return daemon.name;
    }
    case "no descriptors":
      return withoutDescriptors(found(pick(context.target.daemons, context.random), "daemon"), hold);
    default:
      return unreachable(act);
  }
}

async function onProcess(
  act: Extract<FaultAct, { kind: "process" }>,
  { target, random, clock, onLoss }: StrikeContext,
  hold: () => Promise<void>,
): Promise<string> {
  const victim: Victim = found(pick(target.victims(act.role), random), act.role);
  switch (act.how) {
    case "freeze":
      victim.pause();
      try {
        await hold();
      } finally {
        victim.resume();
      }
      return victim.name;
    case "kill":
      await killed(victim, act.role === "daemon" ? onLoss : () => undefined, clock);
      break;
    case "terminate":
      await victim.terminate();
      break;
  }
  await hold();
  await victim.start();
  return victim.name;
}

async function killed(victim: Victim, onLoss: (loss: DaemonLoss) => void, clock: Clock): Promise<void> {
  const fromMs = clock.now();
  try {
    await victim.kill9();
  } finally {
    onLoss({ daemon: victim.name, fromMs, untilMs: clock.now() });
  }
}

async function onLink(
  act: Extract<FaultAct, { kind: "link" }>,
  { target, random }: StrikeContext,
  hold: () => Promise<void>,
): Promise<string> {
  const link = found(target.link(act.link), act.link);
  if (act.harm.kind === "cut") {
    link.cut();
    await hold();
    link.restore();
    return "";
  }
  const direction: ToxicDirection = random() < 0.5 ? "upstream" : "downstream";
  const takeAway = link.addToxic(act.harm.toxic(direction));
  await hold();
  takeAway();
  return direction;
}

async function withoutDescriptors(daemon: ChaosDaemon, hold: () => Promise<void>): Promise<string> {
  const giveBack = await takeDescriptors(daemon.pid);
  await hold();
  // Where it has ended meanwhile there is nobody to give them back to, and whoever looks at it next tells.
  if (daemon.isRunning) await giveBack();
  return daemon.name;
}

function found<T>(thing: T | undefined, what: string): T {
  if (thing !== undefined) return thing;
  throw new ReliantError("internal", `make a fault: this stack has no ${what}`);
}
