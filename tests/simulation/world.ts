import type { Chance } from "./chance.ts";
import type { Faults } from "./faults.ts";
import type { History } from "./history.ts";
import { Life, type MachineTime } from "./life.ts";
import { Reach } from "./reach.ts";
import type { Scheduler } from "./scheduler.ts";

/** An invariant does not hold: the run ends. */
export class Broken extends Error {
  constructor(
    readonly invariant: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** What everything in one run shares. */
export class World {
  /** Lives that have not ended. */
  readonly lives = new Set<Life>();
  /** Cases that came, so that a test can tell that they do. */
  readonly reach = new Reach();
  /** Processes of daemons, by their instance id. */
  readonly instances = new Map<string, Life>();
  /** True once everything was at rest: what is asked for now must be done. */
  isProving = false;
  /** The first invariant that did not hold. */
  broken: Broken | undefined;
  private readonly starts = new Map<string, number>();

  constructor(
    readonly chance: Chance,
    readonly scheduler: Scheduler,
    readonly faults: Faults,
    readonly history: History,
  ) {}

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  /** A new life of a process: `worker-1#3` is the third one. */
  begin(name: string, time?: MachineTime): Life {
    const count = (this.starts.get(name) ?? 0) + 1;
    this.starts.set(name, count);
    const life = new Life(`${name}#${count}`, this.scheduler, time);
    this.lives.add(life);
    life.whenEnded(() => this.lives.delete(life));
    return life;
  }

  /** To be called at each point between two writes: sometimes the process ends there, with what was stored. */
  mayCrash(life: Life, where: string): boolean {
    if (!life.isAlive || !this.faults.hits("crash between two writes")) return false;
    this.history.note(`FAULT ${life.name} crashes ${where}`);
    life.end();
    return true;
  }

  /** Time on the way: mostly short, now and then long. */
  latencyMs(): number {
    const { chance } = this;
    return chance.hits(0.9) ? 0.2 + chance.real() * 3 : chance.real() * 40;
  }

  /** A delay that counts as a fault: from a moment to longer than most time-outs. */
  longMs(): number {
    const { chance } = this;
    return chance.hits(0.97) ? 5 + chance.real() * 120 : chance.real() * 12_000;
  }

  /** Notes that an invariant is broken. Never throws: production code would catch it. */
  fail(invariant: string, detail: string): void {
    if (this.broken !== undefined) return;
    this.history.note(`BROKEN ${invariant}: ${detail}`);
    this.broken = new Broken(invariant, detail);
  }
}
