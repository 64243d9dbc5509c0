/** A moment by two clocks: the wall's, which counts sleep and may jump, and the monotonic one, which may stand still in sleep. */
export interface Stamp {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** Time as the rest of the code sees it. Tests and the simulation put their own in. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  stamp(): Stamp;
  /** Resolves after `ms`, or rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `callback` once after `ms`; the answer stops it. */
  after(ms: number, callback: () => void): () => void;
}

/** Milliseconds from the stamp to now: the larger of both clocks, so that sleep counts and a wall clock set back does not make it younger. */
export function ageMs(clock: Clock, stamp: Stamp): number {
  const now = clock.stamp();
  return Math.max(now.wallMs - stamp.wallMs, now.monotonicMs - stamp.monotonicMs);
}

export const systemClock: Clock = {
  now: () => Date.now(),
  stamp: () => ({ wallMs: Date.now(), monotonicMs: Math.floor(performance.now()) }),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
