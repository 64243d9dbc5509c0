import type { ToolCall } from "../chat/tool-call.ts";
import type { Clock, Stamp } from "../core/clock.ts";

/** Less than this between the two clocks is no sleep: they are set right now and then. */
const LEAST_SLEEP_MS = 1_000;
/** Of longer ago than any call. */
const KEPT = 100;

interface Sleep {
  /** By the wall clock, the latest moment at which it can have begun. */
  readonly beganAtMs: number;
  readonly sleptMs: number;
}

/**
 * The time of calls, without what this process slept while it followed them. Where a laptop wakes up with everything that
 * runs on it, its calls have as much time left as when it fell asleep. A wall clock that is put forward counts as a sleep.
 */
export class AwakeTime {
  private readonly sleeps: Sleep[] = [];
  private asked: Stamp;

  /** `slackMs`: what a deadline may have beyond the time of the tool. */
  constructor(
    private readonly clock: Clock,
    private readonly slackMs: number,
  ) {
    this.asked = clock.stamp();
  }

  /** What the call's deadline is compared with: the wall clock, less the sleeps that began after the deadline was set. */
  nowMs({ deadlineAtMs, timeoutMs = 0 }: Pick<ToolCall, "deadlineAtMs" | "timeoutMs">): number {
    const now = this.clock.stamp();
    this.notice(now);
    if (deadlineAtMs === undefined) return now.wallMs;
    const setAtMs = deadlineAtMs - timeoutMs - this.slackMs;
    return this.sleeps.reduce((ms, { beganAtMs, sleptMs }) => (beganAtMs >= setAtMs ? ms - sleptMs : ms), now.wallMs);
  }

  private notice(now: Stamp): void {
    const awakeMs = now.monotonicMs - this.asked.monotonicMs;
    const beganAtMs = this.asked.wallMs + awakeMs;
    const sleptMs = now.wallMs - beganAtMs;
    if (sleptMs >= LEAST_SLEEP_MS) this.sleeps.push({ beganAtMs, sleptMs });
    if (this.sleeps.length > KEPT) this.sleeps.shift();
    this.asked = now;
  }
}
