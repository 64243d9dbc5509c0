import { type Clock, systemClock } from "../core/clock.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";

export interface PollOptions {
  /** Default `TRIAL_LIMITS.stackReadyMs`. */
  readonly timeoutMs?: number | undefined;
  /** Between two looks. Default `TRIAL_LIMITS.stackPollMs`. */
  readonly pauseMs?: number | undefined;
  /** A reason to stop before that. */
  readonly giveUp?: (() => string | undefined) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Looks again and again until `look` gives something other than `undefined` or `false`, and gives that. What `look` throws
 * counts as nothing yet. Throws `deadline_exceeded`, naming `what` and the last error of `look`, after the bound or when
 * `giveUp` tells a reason; the signal's reason when it aborts.
 */
export async function pollUntil<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  options: PollOptions = {},
): Promise<T> {
  const {
    timeoutMs = TRIAL_LIMITS.stackReadyMs,
    pauseMs = TRIAL_LIMITS.stackPollMs,
    clock = systemClock,
    signal,
  } = options;
  const deadlineMs = clock.stamp().monotonicMs + timeoutMs;
  let lastError: unknown;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
    } catch (error) {
      lastError = error;
    }
    const late = clock.stamp().monotonicMs > deadlineMs ? `not within ${timeoutMs} ms` : undefined;
    const reason = options.giveUp?.() ?? late;
    if (reason !== undefined) {
      const last = lastError === undefined ? "" : ` (last: ${messageOf(lastError)})`;
      throw new ReliantError("deadline_exceeded", `wait for ${what}: ${reason}${last}`, { cause: lastError });
    }
    await clock.sleep(pauseMs, signal);
  }
}
