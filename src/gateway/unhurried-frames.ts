import type { Clock } from "../core/clock.ts";

/** Whoever holds frames that are in no hurry. */
interface Sleeper {
  wake(): void;
}

/** Wakings within one delay: what is to be sent then is some of a second's frames, not all of them in one turn. */
const SLICES = 16;

/**
 * Wakes those whose frames found no other one to go with, in the order in which they began to wait: one timer for all
 * connections of a gateway, and none while nobody waits.
 */
export class UnhurriedFrames {
  /** Since when each waits, by the monotonic clock. */
  private readonly sleepers = new Map<Sleeper, number>();
  private readonly sliceMs: number;
  private stopTimer: (() => void) | undefined;
  private stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly delayMs: number,
  ) {
    this.sliceMs = Math.ceil(delayMs / SLICES);
  }

  /** It is woken within the delay; after `stop`, never. */
  wakeSoon(sleeper: Sleeper): void {
    if (this.stopped || this.sleepers.has(sleeper)) return;
    this.sleepers.set(sleeper, this.nowMs());
    this.stopTimer ??= this.clock.after(this.leastMs, this.wakeDue);
  }

  stop(): void {
    this.stopped = true;
    this.sleepers.clear();
    this.stopTimer?.();
    this.stopTimer = undefined;
  }

  private readonly wakeDue = () => {
    this.stopTimer = undefined;
    const dueMs = this.nowMs() - this.leastMs;
    for (const [sleeper, sinceMs] of this.sleepers) {
      if (sinceMs > dueMs) break;
      this.sleepers.delete(sleeper);
      sleeper.wake();
    }
    if (this.sleepers.size > 0) this.stopTimer ??= this.clock.after(this.sliceMs, this.wakeDue);
  };

  /** What each waits at least: until the slice after it, and so at most the delay. */
  private get leastMs(): number {
    return this.delayMs - this.sliceMs;
  }

  private nowMs(): number {
    return this.clock.stamp().monotonicMs;
  }
}
