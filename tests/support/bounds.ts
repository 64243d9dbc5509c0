import { TRIAL_LIMITS } from "../../src/core/trial-limits.ts";

/** How long a test waits for what must come, milliseconds. Generous: the machine may be slow, and a pass never waits them out. */
export const BOUNDS = {
  /** A server or a role from its start until it answers. */
  readyMs: TRIAL_LIMITS.stackReadyMs,
  /** From SIGTERM to the end of the process. */
  stopMs: TRIAL_LIMITS.stackStopMs,
  /** `go install` of the largest server on a slow machine. */
  installMs: 15 * 60_000,
  buildMs: 5 * 60_000,
} as const;
