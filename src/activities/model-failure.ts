import type { Failure } from "../chat/message.ts";
import { backoffMs } from "../core/backoff.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { ModelError } from "../models/model-provider.ts";

/** What to do about a model that could not be asked, or whose answer broke off. */
export type AfterFailure =
  | { readonly kind: "retry"; readonly waitMs: number; readonly failure: Failure }
  | { readonly kind: "fail"; readonly failure: Failure };

/** The retries' one owner: `asked`: attempts that count so far, from 1, over all workers. The wait is jittered backoff, or what the provider asks for where that is longer (it may name a time that has come: its clock is not ours). Bounded. */
export function afterModelFailure(error: unknown, asked: number, random?: () => number): AfterFailure {
  const failure = failureOf(error);
  if (!(error instanceof ModelError && error.retryable)) return { kind: "fail", failure };
  if (asked >= LIMITS.modelAttempts) {
    return { kind: "fail", failure: { ...failure, message: `${failure.message} (asked ${asked} times)` } };
  }
  const wantedMs = error.retryAfterMs;
  if (wantedMs !== undefined && wantedMs > LIMITS.modelRetryMaxMs) {
    const seconds = Math.ceil(wantedMs / 1000);
    return {
      kind: "fail",
      failure: { ...failure, message: `${failure.message} (the provider asks to wait ${seconds} s)` },
    };
  }
  const bounds = { baseMs: LIMITS.modelRetryBaseMs, maxMs: LIMITS.modelRetryMaxMs };
  return { kind: "retry", waitMs: Math.max(wantedMs ?? 0, backoffMs(asked - 1, bounds, random)), failure };
}

/** The error as a message of the chat carries it. */
function failureOf(error: unknown): Failure {
  return { code: error instanceof ReliantError ? error.code : "internal", message: messageOf(error).toWellFormed() };
}
