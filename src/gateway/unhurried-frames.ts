import type { Clock } from "../core/clock.ts";

/** Whoever holds frames that are in no hurry. */
interface Sleeper {
  wake(): void;
}

/** Wakes those whose frames found no other one to go with: one timer for all connections of a gateway. */
export class UnhurriedFrames {
  private sleepers = new Set<Sleeper>();
  private stopTimer: (() => void) | undefined;
  private stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly delayMs: number,
  ) {}

  /** It is woken within the delay; after `stop`, never. */
  wakeSoon(sleeper: Sleeper): void {
    if (this.stopped) return;
    this.sleepers.add(sleeper);
    this.stopTimer ??= this.clock.after(this.delayMs, () => this.wakeAll());
  }

  stop(): void {
    this.stopped = true;
    this.sleepers.clear();
    this.stopTimer?.();
    this.stopTimer = undefined;
  }

  private wakeAll(): void {
    this.stopTimer = undefined;
    const { sleepers } = this;
    this.sleepers = new Set();
    for (const sleeper of sleepers) sleeper.wake();
  }
}
