import { newId } from "../core/ids.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import type { Figure } from "./figures.ts";
import type { Installation } from "./installation.ts";

const ROUNDS = 50;
/** A screen's worth of live output of so many calls, all of them changed in each round. */
const CALLS = 200;
const ROUND_MS = 20;

/** Live output of many calls at once through the store's one queue of writes that can wait: how deep it gets, and that it empties. */
export async function measureWriteQueue(installation: Installation, userId: string): Promise<readonly Figure[]> {
  const { store, world } = installation;
  const { clock, signal } = world;
  const chatId = newId("chat");
  await store.chats.create({ id: chatId, userId, title: "bench", model: "scripted/bench" });
  const calls = Array.from({ length: CALLS }, () => newId("call"));
  const chunk = { chatId, channel: "stdout", data: "x".repeat(1024), gapBytes: 0 } as const;
  let deepest = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const toolCallId of calls) store.updates.saveLiveOutput({ ...chunk, toolCallId, offset: round * 1024 });
    deepest = Math.max(deepest, store.stats().writeQueueDepth);
    await clock.sleep(ROUND_MS, signal);
  }
  const giveUpMs = performance.now() + TRIAL_LIMITS.benchAnswerMs;
  while (store.stats().writeQueueDepth > 0 && performance.now() < giveUpMs) await clock.sleep(ROUND_MS, signal);
  const { writeQueueDepth, writeQueueDropped } = store.stats();
  const what = `write queue, ${CALLS} calls with output`;
  return [
    { id: "store.queue_deepest", what: `${what}: deepest`, value: deepest, unit: "entries" },
    { id: "store.queue_left", what: "the same: left when the load ended", value: writeQueueDepth, unit: "entries" },
    { id: "store.queue_dropped", what: "the same: dropped", value: writeQueueDropped, unit: "entries" },
  ];
}
