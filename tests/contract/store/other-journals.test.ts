import { expect, test } from "bun:test";
import { newId } from "../../../src/core/ids.ts";
import type { Store } from "../../../src/store/store.ts";
import { describeOnStores } from "./describe-on-stores.ts";
import { aChatWithCalls, aDaemon, aUser, dispatch, updatesOf } from "./store-verbs.ts";

/** Two calls in two chats that run under the daemon's journal, and one that is only dispatched. */
async function running(store: Store, nowMs: number) {
  const userId = await aUser(store);
  const { fence, claim, journalId } = await aDaemon(store, userId, nowMs);
  const chats = [await aChatWithCalls(store, 2, userId), await aChatWithCalls(store, 1, userId)] as const;
  const [first = "", waiting = ""] = chats[0].callIds;
  const [second = ""] = chats[1].callIds;
  for (const toolCallId of [first, waiting, second]) await dispatch(store, toolCallId, fence.daemonId, nowMs);
  for (const toolCallId of [first, second]) await store.toolCalls.daemonReady(fence, { toolCallId, journalId });
  const stateOf = async (toolCallId: string) => (await store.toolCalls.get(toolCallId)).state;
  return { claim, journalId, chats, first, second, waiting, stateOf };
}

describeOnStores("a daemon that comes with another journal", (open) => {
  test("loses what ran under the old one, which is granted nothing when it returns", async () => {
    await using db = await open();
    const { store } = db;
    const { claim, journalId, chats, first, second, waiting, stateOf } = await running(store, db.clock.now());
    const fresh = { ...claim, journalId: newId("jrn"), instanceId: newId("ins"), lastEpoch: 1 };
    expect(await store.daemons.hello(fresh)).toEqual({ kind: "taken", epoch: 2 });
    expect(await Promise.all([first, second, waiting].map(stateOf))).toEqual(["unknown", "unknown", "dispatched"]);
    for (const { chat } of chats) {
      expect((await updatesOf(store, chat.id)).at(-1)?.event).toMatchObject({ kind: "tool_call", state: "unknown" });
    }
    const restored = { ...claim, instanceId: newId("ins"), startCount: 2, lastEpoch: 2 };
    expect(await store.daemons.hello(restored)).toEqual({ kind: "taken", epoch: 3 });
    const fence = { daemonId: claim.daemonId, epoch: 3 };
    expect(await store.toolCalls.daemonReady(fence, { toolCallId: first, journalId })).toEqual({
      kind: "answer",
      answer: "withdraw",
      outcome: "unknown",
    });
  });

  test("loses it also when many daemons come at once", async () => {
    await using db = await open();
    const { store } = db;
    const machines = [await running(store, db.clock.now()), await running(store, db.clock.now())] as const;
    const same = await running(store, db.clock.now());
    const answers = await Promise.all([
      ...machines.map(({ claim }) =>
        store.daemons.hello({ ...claim, journalId: newId("jrn"), instanceId: newId("ins"), lastEpoch: 1 }),
      ),
      store.daemons.hello({ ...same.claim, lastEpoch: 1 }),
    ]);
    expect(answers.map(({ kind }) => kind)).toEqual(["taken", "taken", "taken"]);
    for (const machine of machines) expect(await machine.stateOf(machine.first)).toBe("unknown");
    expect(await same.stateOf(same.first)).toBe("running");
  });
});
