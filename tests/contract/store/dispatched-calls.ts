import type { DaemonFence } from "../../../src/store/daemons.ts";
import type { Store } from "../../../src/store/store.ts";
import { aChatWithCalls, aDaemon, dispatch } from "./store-verbs.ts";

export const DONE = { text: "done", isError: false };

/** A chat with so many calls, dispatched to a daemon of its own; `ready` and `finish` are that daemon's words. */
export async function dispatched(store: Store, userId: string, nowMs: number, count: number) {
  const { chat, callIds } = await aChatWithCalls(store, count, userId);
  const { fence, journalId, claim } = await aDaemon(store, userId, nowMs);
  for (const id of callIds) await dispatch(store, id, fence.daemonId, nowMs);
  const ready = (toolCallId: string, by: DaemonFence = fence) =>
    store.toolCalls.daemonReady(by, { toolCallId, journalId });
  const finish = (toolCallId: string, result = DONE, by: DaemonFence = fence) =>
    store.toolCalls.daemonResult(by, { toolCallId, journalId, ending: "finished", result });
  return { chat, callIds, fence, journalId, claim, ready, finish };
}
