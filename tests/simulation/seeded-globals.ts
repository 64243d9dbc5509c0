import { createInbox } from "nats";
import { Chance } from "./chance.ts";
import type { Scheduler } from "./scheduler.ts";

export interface SeededGlobals {
  readonly chance: Chance;
  /** From now on `setImmediate` of production code is a part of that scheduler's steps. */
  use(scheduler: Scheduler): void;
}

/**
 * Chance, ids and `setImmediate` of this process from a seed, for as long as `run` lasts: production code mints ids and
 * draws its jitter without a port, and its order must not depend on the process it runs in. One run at a time.
 */
export async function withSeededGlobals<T>(seed: number, run: (globals: SeededGlobals) => Promise<T>): Promise<T> {
  // nats.js draws from Math.random for the first inbox of a process, and never again.
  createInbox();
  const chance = new Chance(seed);
  const jitter = new Chance(seed ^ 0x5eed);
  const before = { random: Math.random, immediate: globalThis.setImmediate, uuid: Bun.randomUUIDv7 };
  let ids = 0;
  Object.assign(Math, { random: () => jitter.real() });
  Object.assign(Bun, { randomUUIDv7: () => `01900000-0000-7000-8000-${(++ids).toString(16).padStart(12, "0")}` });
  try {
    return await run({
      chance,
      use: (scheduler) => {
        Object.assign(globalThis, { setImmediate: (callback: () => void) => scheduler.soon(callback) });
      },
    });
  } finally {
    Object.assign(Math, { random: before.random });
    Object.assign(Bun, { randomUUIDv7: before.uuid });
    Object.assign(globalThis, { setImmediate: before.immediate });
  }
}
