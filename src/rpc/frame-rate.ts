import { LIMITS } from "../core/limits.ts";

/** How fast the frames of one connection come, by a count that is looked at now and then. */
export class FrameRate {
  private counted: number;

  constructor(
    /** Frames of the client since the connection began. */
    private readonly received: () => number,
    private lookedAtMs: number,
  ) {
    this.counted = received();
  }

  /** True where they are too many, since it was asked last or in a second, whichever is longer. */
  isTooHigh(nowMs: number): boolean {
    const frames = this.received();
    const perSecond = (1000 * (frames - this.counted)) / Math.max(1000, nowMs - this.lookedAtMs);
    this.counted = frames;
    this.lookedAtMs = nowMs;
    return perSecond > LIMITS.framesPerSecond;
  }
}
