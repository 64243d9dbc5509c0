import type { Stamp } from "../../../src/core/clock.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** A manual clock of a machine that can be put to sleep: the wall clock goes on, the monotonic one and all timers stand still. */
export class LaptopClock extends ManualClock {
  private sleptMs = 0;

  override now(): number {
    return super.now() + this.sleptMs;
  }

  override stamp(): Stamp {
    return { wallMs: this.now(), monotonicMs: super.now() };
  }

  closeLidFor(ms: number): void {
    this.sleptMs += ms;
  }

  /** Somebody sets the wall clock; negative: back. */
  moveWallClock(ms: number): void {
    this.sleptMs += ms;
  }
}
