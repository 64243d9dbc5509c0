import { LIMITS } from "../core/limits.ts";

/**
 * Within how many milliseconds the daemons of a gateway that stops are asked to be elsewhere: each takes a moment of the
 * first half at random. A few go at once, many one after the other, all in time.
 */
export function drainLeaveMs(daemons: number, withinMs: number): number {
  const spreadMs = (daemons * 1000) / LIMITS.drainDaemonsPerSecond;
  return Math.round(Math.min(withinMs, Math.max(2 * spreadMs, LIMITS.drainLeaveMinMs)));
}
