import type { CallOptions } from "@connectrpc/connect";
import { fromServer } from "../client/api-client.ts";
import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";

/**
 * The call's answer, asked for again with the same ids for as long as it takes. Throws what the API says is not to be
 * tried again, and the signal's reason.
 */
export async function untilAnswered<T>(
  to: { readonly url: string; readonly clock: Clock; readonly signal: AbortSignal },
  act: string,
  call: (options: CallOptions) => Promise<T>,
): Promise<T> {
  for (let tries = 0; ; tries++) {
    to.signal.throwIfAborted();
    try {
      return await call({ signal: to.signal, timeoutMs: TRIAL_LIMITS.chaosRequestMs });
    } catch (error) {
      to.signal.throwIfAborted();
      const ours = fromServer(error, act, to.url);
      if (!ours.row.retryable) throw ours;
      await to.clock.sleep(backoffMs(tries, RETRY), to.signal);
    }
  }
}

/** Waits between two tries of a request or a stream. */
export const RETRY = { baseMs: LIMITS.reconnectBaseMs, maxMs: TRIAL_LIMITS.chaosRetryMaxMs };
