import type { Clock } from "../core/clock.ts";

/** Something that wants to be called at a time. It is in a wheel at most once. */
export interface WheelEntry {
  /** Kept by the wheel; undefined: not scheduled. */
  wheelSlot?: number | undefined;
  onDue(): void;
}

const SLOTS = 512;

/**
 * One timer for any number of entries: each tick calls those of one slot. An entry is due up to one tick late; a delay
 * beyond `tickMs` × 511 is cut to that.
 */
export class TimerWheel {
  private readonly slots: Set<WheelEntry>[] = Array.from({ length: SLOTS }, () => new Set());
  private current = 0;
  private stopTimer: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly tickMs: number,
  ) {}

  start(): void {
    this.stopTimer ??= this.clock.after(this.tickMs, () => {
      this.stopTimer = undefined;
      this.start();
      this.tick();
    });
  }

  stop(): void {
    this.stopTimer?.();
    this.stopTimer = undefined;
  }

  /** Calls the entry once after the delay; what it was scheduled for before is void. */
  schedule(entry: WheelEntry, delayMs: number): void {
    this.cancel(entry);
    const ticks = Math.min(Math.max(1, Math.ceil(delayMs / this.tickMs)), SLOTS - 1);
    const slot = (this.current + ticks) % SLOTS;
    entry.wheelSlot = slot;
    this.slots[slot]?.add(entry);
  }

  cancel(entry: WheelEntry): void {
    if (entry.wheelSlot === undefined) return;
    this.slots[entry.wheelSlot]?.delete(entry);
    entry.wheelSlot = undefined;
  }

  private tick(): void {
    this.current = (this.current + 1) % SLOTS;
    const due = this.slots[this.current];
    if (due === undefined || due.size === 0) return;
    const entries = [...due];
    due.clear();
    for (const entry of entries) entry.wheelSlot = undefined;
    for (const entry of entries) entry.onDue();
  }
}
