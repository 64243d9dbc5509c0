import { z } from "zod";
import { spreadOf } from "./figures.ts";

export const LOOP_OPTIONS = z.object({
  /** Each begins its next act when the one before has ended. */
  callers: z.int().positive(),
  /** What ends before that is not counted. */
  warmUpMs: z.number(),
  driveMs: z.number(),
});
export type LoopOptions = z.infer<typeof LOOP_OPTIONS>;

export const LOOP_FACTS = z.object({
  /** Acts that were counted, and so many a second. */
  acts: z.int(),
  perSecond: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
});
export type LoopFacts = z.infer<typeof LOOP_FACTS>;

/**
 * Does one item after the other, several at once, until the time is over or there are none left. Throws what an act throws,
 * and where nothing ended in time to be counted.
 */
export async function driveClosedLoop<Item>(
  items: Iterable<Item>,
  act: (item: Item) => Promise<void>,
  { callers, warmUpMs, driveMs }: LoopOptions,
): Promise<LoopFacts> {
  const left = items[Symbol.iterator]();
  const countFromMs = performance.now() + warmUpMs;
  const endMs = countFromMs + driveMs;
  const took: number[] = [];
  let lastMs = countFromMs;
  const caller = async () => {
    while (performance.now() < endMs) {
      const next = left.next();
      if (next.done === true) return;
      const beganMs = performance.now();
      await act(next.value);
      const nowMs = performance.now();
      if (nowMs < countFromMs || nowMs > endMs) continue;
      took.push(nowMs - beganMs);
      lastMs = nowMs;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const { p50, p99 } = spreadOf(took);
  return {
    acts: took.length,
    perSecond: (1000 * took.length) / Math.max(1, lastMs - countFromMs),
    ...{ p50Ms: p50, p99Ms: p99 },
  };
}
