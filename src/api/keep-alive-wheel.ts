import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";

const SLOTS = Math.ceil(LIMITS.keepAliveMs / LIMITS.keepAliveTickMs);

/**
 * Beats for many streams, each every `LIMITS.keepAliveMs`, by one timer: the streams stand around a wheel, and each tick beats
 * for those of one slot. They are spread over it as they come, so that thousands that came at once do not beat at once.
 */
export class KeepAliveWheel {
  private readonly slots = Array.from({ length: SLOTS }, () => new Set<() => void>());
  private members = 0;
  private nextSlot = 0;
  /** Ticks since the timer was set going, and when that was (monotonic). */
  private ticks = 0;
  private beganMs = 0;
  private disarm: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  /** The first beat comes within `LIMITS.keepAliveMs`. A beat must not throw. The answer ends them. */
  add(beat: () => void): () => void {
    const slot = this.slots[this.nextSlot];
    this.nextSlot = (this.nextSlot + 1) % SLOTS;
    slot?.add(beat);
    this.members++;
    if (this.disarm === undefined) this.begin();
    return () => {
      if (slot?.delete(beat) !== true) return;
      this.members--;
      if (this.members === 0) this.end();
    };
  }

  private begin(): void {
    this.beganMs = this.clock.stamp().monotonicMs;
    this.ticks = 0;
    this.arm();
  }

  private end(): void {
    this.disarm?.();
    this.disarm = undefined;
  }

  private arm(): void {
    this.disarm = this.clock.after(LIMITS.keepAliveTickMs, () => {
      this.arm();
      this.turn();
    });
  }

  /** A tick that comes late turns on by as many slots, once around at most. */
  private turn(): void {
    const due = Math.floor((this.clock.stamp().monotonicMs - this.beganMs) / LIMITS.keepAliveTickMs);
    const from = Math.max(this.ticks, due - SLOTS);
    this.ticks = Math.max(this.ticks, due);
    for (let tick = from; tick < due; tick++) {
      for (const beat of this.slots[tick % SLOTS] ?? []) beat();
    }
  }
}
