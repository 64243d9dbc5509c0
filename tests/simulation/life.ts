import type { Clock } from "../../src/core/clock.ts";
import type { EventOwner, Scheduler, SimEvent } from "./scheduler.ts";

/** The machine that a process runs on: its clocks. */
export interface MachineTime {
  /** The wall clock here is so much ahead. */
  wallAheadMs: number;
  /** Time asleep: timers and the monotonic clock stood still for so long. */
  sleptMs: number;
}

/**
 * One process from its start to its end. Once it has ended nothing happens to it any more: no timer, no message, no
 * answer. Promises of its code that still wait are never settled.
 */
export class Life implements EventOwner {
  readonly clock: Clock;
  readonly startedAtMs: number;
  /** Timers that are armed. */
  timers = 0;
  frozenAtMs: number | undefined;
  private alive = true;
  private held: SimEvent[] = [];
  private readonly onEnd: (() => void)[] = [];

  constructor(
    readonly name: string,
    private readonly scheduler: Scheduler,
    private readonly time: MachineTime = { wallAheadMs: 0, sleptMs: 0 },
  ) {
    this.startedAtMs = scheduler.nowMs;
    this.clock = this.makeClock();
  }

  get isAlive(): boolean {
    return this.alive;
  }

  get isFrozen(): boolean {
    return this.frozenAtMs !== undefined;
  }

  get stoodStillMs(): number {
    return this.time.sleptMs;
  }

  hold(event: SimEvent): void {
    this.held.push(event);
  }

  freeze(): void {
    this.frozenAtMs ??= this.scheduler.nowMs;
  }

  /** Goes on; `slept`: its clocks and timers stood still meanwhile. */
  thaw(slept: boolean): void {
    if (this.frozenAtMs === undefined) return;
    if (slept) this.time.sleptMs += this.scheduler.nowMs - this.frozenAtMs;
    this.frozenAtMs = undefined;
    const held = this.held;
    this.held = [];
    for (const event of held) this.scheduler.again(event);
  }

  /** Ends it where it stands. */
  end(): void {
    if (!this.alive) return;
    this.alive = false;
    // Its machine's clocks go on: whoever thaws it later must not count what has passed since as sleep.
    this.frozenAtMs = undefined;
    this.held = [];
    for (const tell of this.onEnd.splice(0)) tell();
  }

  whenEnded(tell: () => void): void {
    if (this.alive) this.onEnd.push(tell);
    else tell();
  }

  /** Something comes to it from outside, after `ms`. */
  later(ms: number, run: () => void): void {
    if (this.alive) this.scheduler.after(ms, this, run);
  }

  /** Resolves after `ms`, unless it ends before. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.later(ms, resolve));
  }

  private makeClock(): Clock {
    const { scheduler, time } = this;
    const now = () => Math.floor(scheduler.nowMs) + time.wallAheadMs;
    const after = (ms: number, callback: () => void) => {
      if (!this.alive) return () => undefined;
      let armed = true;
      this.timers++;
      const disarm = () => {
        if (!armed) return;
        armed = false;
        this.timers--;
        event.cancelled = true;
      };
      const fire = () => {
        disarm();
        callback();
      };
      const event = scheduler.after(ms, this, fire, true);
      return disarm;
    };
    return {
      now,
      stamp: () => ({ wallMs: now(), monotonicMs: Math.floor(scheduler.nowMs - time.sleptMs) }),
      after,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason);
          const onAbort = () => {
            disarm();
            reject(signal?.reason);
          };
          const disarm = after(ms, () => {
            signal?.removeEventListener("abort", onAbort);
            resolve();
          });
          signal?.addEventListener("abort", onAbort, { once: true });
        }),
    };
  }
}
