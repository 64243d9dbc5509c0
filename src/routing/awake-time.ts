import type { ToolCall } from "../chat/tool-call.ts";
import type { Clock, Stamp } from "../core/clock.ts";

/**
 * The time of one call, without what this process slept. Where a laptop wakes up with everything that runs on it, its calls
 * have as much time left as when it fell asleep, and so has one whose machine's wall clock is put forward.
 */
export class AwakeTime {
  private known: { readonly deadlineAtMs: number | undefined; readonly since: Stamp } | undefined;

  constructor(private readonly clock: Clock) {}

  /** What its deadline is compared with: the wall clock, standing still in sleep since this process knows that deadline. */
  nowMs({ deadlineAtMs }: Pick<ToolCall, "deadlineAtMs">): number {
    const now = this.clock.stamp();
    if (this.known === undefined || this.known.deadlineAtMs !== deadlineAtMs) this.known = { deadlineAtMs, since: now };
    const { since } = this.known;
    return since.wallMs + (now.monotonicMs - since.monotonicMs);
  }
}
