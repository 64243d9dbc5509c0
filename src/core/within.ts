import type { Clock } from "./clock.ts";
import { ReliantError } from "./errors.ts";

/**
 * The promise, but no longer than `ms`, and only until the signal aborts: then it rejects (`deadline_exceeded`, or the
 * signal's reason) and what the promise gives later is dropped.
 */
export function within<T>(
  promise: Promise<T>,
  bound: { readonly ms: number; readonly act: string; readonly clock: Clock; readonly signal?: AbortSignal },
): Promise<T> {
  const { ms, act, clock, signal } = bound;
  return new Promise<T>((resolve, reject) => {
    const stopTimer = clock.after(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      reject(new ReliantError("deadline_exceeded", `${act}: no answer within ${ms} ms`));
    });
    const settle = () => {
      stopTimer();
      signal?.removeEventListener("abort", onAbort);
    };
    const onAbort = () => {
      stopTimer();
      reject(signal?.reason);
    };
    promise.then(
      (value) => {
        settle();
        resolve(value);
      },
      (error) => {
        settle();
        reject(error);
      },
    );
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });
}
