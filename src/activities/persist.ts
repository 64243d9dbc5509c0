import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";

/**
 * Makes a write that would be dear to lose (an answer that was paid for, a tool's result): repeats it while the store
 * is away, for at most `LIMITS.persistMs`; or a read without which something dear would be begun anew. It must bear being
 * repeated. Throws the last error.
 */
export async function persist<T>(clock: Clock, stopping: AbortSignal, write: () => Promise<T>): Promise<T> {
  const giveUpAtMs = clock.now() + LIMITS.persistMs;
  for (let attempt = 0; ; attempt++) {
    try {
      return await write();
    } catch (error) {
      const away = error instanceof ReliantError && error.row.retryable;
      if (!away || stopping.aborted || clock.now() >= giveUpAtMs) throw error;
      const waitMs = backoffMs(attempt, { baseMs: LIMITS.startRetryBaseMs, maxMs: LIMITS.startRetryMaxMs });
      // A stop is no reason to give the step up for good: whoever takes over makes the write.
      await clock.sleep(waitMs, stopping).catch(() => {
        throw error;
      });
    }
  }
}
