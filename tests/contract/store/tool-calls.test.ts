import { expect, test } from "bun:test";
import { outcomeResult } from "../../../src/chat/outcome-text.ts";
import { newId } from "../../../src/core/ids.ts";
import { describeOnStores } from "./describe-on-stores.ts";
import { aChatWithCalls, aDaemon, aUser, dispatch, errorOf, updatesOf } from "./store-verbs.ts";

const DONE = { text: "done", isError: false };

describeOnStores("the ledger", (open) => {
  test("takes one call from requested to its outcome, and numbers every step", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { chat, callIds } = await aChatWithCalls(store, 1, userId);
    const [id = ""] = callIds;
    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    const announcedBefore = db.announced.length;

    expect((await dispatch(store, id, fence.daemonId, clock.now())).state).toBe("dispatched");
    expect(await store.toolCalls.openOfDaemon(fence.daemonId)).toHaveLength(1);
    expect(await store.toolCalls.daemonReady(fence, { toolCallId: id, journalId })).toEqual({
      kind: "answer",
      answer: "grant",
    });
    expect(
      await store.toolCalls.daemonResult(fence, { toolCallId: id, journalId, ending: "finished", result: DONE }),
    ).toEqual({ kind: "answer", answer: "ack", outcome: "succeeded" });

    expect(await store.toolCalls.get(id)).toMatchObject({
      state: "succeeded",
      daemonId: fence.daemonId,
      journalId,
      result: DONE,
      timeoutMs: 60_000,
      delivered: false,
      input: { command: "true" },
    });
    expect(await store.toolCalls.openOfDaemon(fence.daemonId)).toEqual([]);
    const states = (await updatesOf(store, chat.id)).flatMap(({ event }) =>
      event.kind === "tool_call" ? [event] : [],
    );
    expect(states.map(({ state }) => state)).toEqual(["requested", "dispatched", "running", "succeeded"]);
    expect(states.at(-1)).toEqual({
      kind: "tool_call",
      toolCallId: id,
      messageId: states[0]?.messageId ?? "",
      name: "shell",
      state: "succeeded",
      daemonId: fence.daemonId,
    });
    const announced = db.announced.slice(announcedBefore).filter((one) => one.kind === "chat_sequence");
    const sequence = (await store.chats.get(userId, chat.id)).sequence;
    expect(announced.map((one) => one.sequence)).toEqual([sequence - 2, sequence - 1, sequence]);
  });

  test("gives a dispatched call more time, and no other", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { callIds } = await aChatWithCalls(store, 1, userId);
    const [toolCallId = ""] = callIds;
    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    const deadlines: (number | undefined)[] = [];
    const postpone = async (deadlineAtMs: number) => {
      await store.toolCalls.postpone({ toolCallId, deadlineAtMs });
      deadlines.push((await store.toolCalls.get(toolCallId)).deadlineAtMs);
    };

    await postpone(1);
    const { deadlineAtMs = 0 } = await dispatch(store, toolCallId, fence.daemonId, clock.now());
    await postpone(deadlineAtMs + 2);
    await store.toolCalls.daemonReady(fence, { toolCallId, journalId });
    await postpone(deadlineAtMs + 3);
    expect(deadlines).toEqual([undefined, deadlineAtMs + 2, deadlineAtMs + 2]);
  });

  test("has all of its time from its grant on, however long it waited", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { callIds } = await aChatWithCalls(store, 2, userId);
    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    const ready = (toolCallId: string) => store.toolCalls.daemonReady(fence, { toolCallId, journalId });
    const deadlineOf = async (toolCallId: string) => (await store.toolCalls.get(toolCallId)).deadlineAtMs ?? 0;
    const [slept = "", quick = ""] = callIds;
    for (const id of callIds) await dispatch(store, id, fence.daemonId, clock.now());
    const dispatched = await deadlineOf(quick);
    await ready(quick);
    // The slack beyond the tool's own time is longer than it has waited.
    expect(await deadlineOf(quick)).toBe(dispatched);

    clock.advance(3_600_000);
    const beforeMs = clock.now();
    await ready(slept);
    const granted = await deadlineOf(slept);
    expect(granted).toBeWithin(beforeMs + 60_000, clock.now() + 60_001);
    await ready(slept);
    expect(await deadlineOf(slept)).toBe(granted);
  });

  test("is looked at together with its daemon and its run, and by its own user only", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { chat, callIds } = await aChatWithCalls(store, 1, userId);
    const [toolCallId = ""] = callIds;
    const nowMs = clock.now();
    const [named, other] = [await aDaemon(store, userId, nowMs), await aDaemon(store, userId, nowMs)];
    const foreign = await aDaemon(store, await aUser(store), clock.now());
    const look = (daemonId: string) => store.toolCalls.look({ toolCallId, userId, daemonId });

    const { daemonId, epoch } = named.fence;
    expect(await look(daemonId)).toEqual({
      call: await store.toolCalls.get(toolCallId),
      daemonId,
      daemon: { id: daemonId, epoch, connected: true, lastSeenAtMs: nowMs },
      cancelRequested: false,
    });
    expect(await look(foreign.fence.daemonId)).toMatchObject({
      daemonId: foreign.fence.daemonId,
      daemon: undefined,
    });
    await dispatch(store, toolCallId, daemonId, clock.now());
    await store.toolCalls.daemonReady(named.fence, { toolCallId, journalId: named.journalId });
    await store.chats.requestCancel(userId, chat.id);
    // Once dispatched it stays with its daemon, whichever is named.
    expect(await look(other.fence.daemonId)).toMatchObject({
      ...{ daemonId, daemon: { id: daemonId }, cancelRequested: true },
      call: { state: "running" },
    });
    const stranger = store.toolCalls.look({ toolCallId, userId: await aUser(store), daemonId });
    expect((await errorOf(stranger)).code).toBe("not_found");
  });

  test("dispatching again answers the row as it stands and takes no number", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { chat, callIds } = await aChatWithCalls(store, 1, userId);
    const [id = ""] = callIds;
    const one = await aDaemon(store, userId, clock.now());
    const other = await aDaemon(store, userId, clock.now());
    await dispatch(store, id, one.fence.daemonId, clock.now());
    const { sequence } = await store.chats.get(userId, chat.id);
    expect((await dispatch(store, id, other.fence.daemonId, clock.now())).daemonId).toBe(one.fence.daemonId);
    expect((await store.chats.get(userId, chat.id)).sequence).toBe(sequence);
  });

  test("of many ready frames at once each is granted to the same journal, and one number is taken", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { chat, callIds } = await aChatWithCalls(store, 1, userId);
    const [toolCallId = ""] = callIds;
    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    await dispatch(store, toolCallId, fence.daemonId, clock.now());
    const other = await db.openAnother();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? store : other).toolCalls.daemonReady(fence, { toolCallId, journalId }),
      ),
    );
    for (const answer of answers) expect(answer).toEqual({ kind: "answer", answer: "grant" });
    const running = (await updatesOf(store, chat.id)).filter(
      ({ event }) => event.kind === "tool_call" && event.state === "running",
    );
    expect(running).toHaveLength(1);
  });

  test("refuses a gateway whose epoch has moved, for ready and for result", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { callIds } = await aChatWithCalls(store, 2, userId);
    const [ready = "", running = ""] = callIds;
    const { fence, claim, journalId } = await aDaemon(store, userId, clock.now());
    for (const id of callIds) await dispatch(store, id, fence.daemonId, clock.now());
    await store.toolCalls.daemonReady(fence, { toolCallId: running, journalId });
    expect(await store.daemons.hello({ ...claim, lastEpoch: fence.epoch, gatewayId: newId("gtw") })).toEqual({
      kind: "taken",
      epoch: fence.epoch + 1,
    });

    expect(await store.toolCalls.daemonReady(fence, { toolCallId: ready, journalId })).toEqual({ kind: "fenced" });
    const result = { toolCallId: running, journalId, ending: "finished", result: DONE } as const;
    expect(await store.toolCalls.daemonResult(fence, result)).toEqual({ kind: "fenced" });
    expect((await store.toolCalls.get(ready)).state).toBe("dispatched");
    expect((await store.toolCalls.get(running)).state).toBe("running");
    const now = { daemonId: fence.daemonId, epoch: fence.epoch + 1 };
    expect(await store.toolCalls.daemonResult(now, result)).toMatchObject({ answer: "ack", outcome: "succeeded" });
  });

  test("no grant of a gateway stands after the epoch has moved, however the two race", async () => {
    await using db = await open();
    const { store, clock } = db;
    const other = await db.openAnother();
    const userId = await aUser(store);
    const rounds = 20;
    const { callIds } = await aChatWithCalls(store, rounds, userId);
    const { fence, claim, journalId } = await aDaemon(store, userId, clock.now());
    for (const id of callIds) await dispatch(store, id, fence.daemonId, clock.now());
    let epoch = fence.epoch;
    for (const toolCallId of callIds) {
      const old = { daemonId: fence.daemonId, epoch };
      const [answer, hello] = await Promise.all([
        store.toolCalls.daemonReady(old, { toolCallId, journalId }),
        other.daemons.hello({ ...claim, lastEpoch: epoch, gatewayId: newId("gtw") }),
      ]);
      expect(hello).toEqual({ kind: "taken", epoch: epoch + 1 });
      const { state } = await store.toolCalls.get(toolCallId);
      expect(answer.kind === "fenced" ? "dispatched" : "running").toBe(state);
      expect(await store.toolCalls.daemonReady(old, { toolCallId, journalId })).toEqual({ kind: "fenced" });
      epoch++;
    }
  });

  test("a frame of another journal makes a running call unknown; the later result is kept, acked, and changes nothing", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { callIds } = await aChatWithCalls(store, 1, userId);
    const [toolCallId = ""] = callIds;
    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    await dispatch(store, toolCallId, fence.daemonId, clock.now());
    await store.toolCalls.daemonReady(fence, { toolCallId, journalId });
    expect(await store.toolCalls.daemonReady(fence, { toolCallId, journalId: newId("jrn") })).toEqual({
      kind: "answer",
      answer: "withdraw",
      outcome: "unknown",
    });
    const unknown = await store.toolCalls.get(toolCallId);
    expect(unknown.result).toEqual(outcomeResult("unknown"));
    const late = { toolCallId, journalId, ending: "finished", result: DONE } as const;
    expect(await store.toolCalls.daemonResult(fence, late)).toEqual({
      kind: "answer",
      answer: "ack",
      outcome: "unknown",
    });
    expect(await store.toolCalls.get(toolCallId)).toEqual(unknown);
  });

  test("what a daemon's process was granted is granted to no later one: its journal may have been put back", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { callIds } = await aChatWithCalls(store, 5, userId);
    const [asked = "", denied = "", ran = "", again = "", waiting = ""] = callIds;
    const { fence, claim, journalId } = await aDaemon(store, userId, clock.now());
    for (const id of callIds) await dispatch(store, id, fence.daemonId, clock.now());
    const ready = (by: typeof fence, id: string) => store.toolCalls.daemonReady(by, { toolCallId: id, journalId });
    for (const id of [asked, denied, ran, again]) expect(await ready(fence, id)).toMatchObject({ answer: "grant" });

    // The same process on its next connection, then the next process of the same journal.
    expect(await store.daemons.hello({ ...claim, lastEpoch: 1 })).toEqual({ kind: "taken", epoch: 2 });
    expect(await ready({ ...fence, epoch: 2 }, again)).toEqual({ kind: "answer", answer: "grant" });
    const restarted = { ...claim, instanceId: newId("ins"), startCount: claim.startCount + 1, lastEpoch: 2 };
    expect(await store.daemons.hello(restarted)).toEqual({ kind: "taken", epoch: 3 });
    const later = { ...fence, epoch: 3 };
    expect(await ready(later, asked)).toEqual({ kind: "answer", answer: "withdraw", outcome: "unknown" });
    expect(
      await store.toolCalls.daemonResult(later, { toolCallId: denied, journalId, ending: "denied", result: DONE }),
    ).toEqual({ kind: "answer", answer: "ack", outcome: "unknown" });
    expect((await store.toolCalls.get(denied)).result).toEqual(outcomeResult("unknown"));
    expect(
      await store.toolCalls.daemonResult(later, { toolCallId: ran, journalId, ending: "finished", result: DONE }),
    ).toEqual({ kind: "answer", answer: "ack", outcome: "succeeded" });
    // What no process was granted yet is the new one's as it was the old one's.
    expect(await ready(later, waiting)).toEqual({ kind: "answer", answer: "grant" });
    expect(
      await store.toolCalls.daemonResult(later, { toolCallId: waiting, journalId, ending: "not_started" }),
    ).toEqual({ kind: "answer", answer: "ack", outcome: "cancelled" });
  });

  test("a result sent again is acked again and changes nothing", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { chat, callIds } = await aChatWithCalls(store, 1, userId);
    const [toolCallId = ""] = callIds;
    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    await dispatch(store, toolCallId, fence.daemonId, clock.now());
    await store.toolCalls.daemonReady(fence, { toolCallId, journalId });
    const result = { toolCallId, journalId, ending: "finished_with_error", result: DONE } as const;
    const first = await store.toolCalls.daemonResult(fence, result);
    const { sequence } = await store.chats.get(userId, chat.id);
    expect(await store.toolCalls.daemonResult(fence, result)).toEqual(first);
    expect((await store.chats.get(userId, chat.id)).sequence).toBe(sequence);
  });

  test("a call of another daemon, or of none, is withdrawn and acked, and nothing is written", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { callIds } = await aChatWithCalls(store, 1, userId);
    const [toolCallId = ""] = callIds;
    const mine = await aDaemon(store, userId, clock.now());
    const other = await aDaemon(store, userId, clock.now());
    await dispatch(store, toolCallId, mine.fence.daemonId, clock.now());
    const { journalId } = other;
    for (const id of [toolCallId, newId("call")]) {
      expect(await store.toolCalls.daemonReady(other.fence, { toolCallId: id, journalId })).toEqual({
        kind: "answer",
        answer: "withdraw",
      });
      expect(
        await store.toolCalls.daemonResult(other.fence, { toolCallId: id, journalId, ending: "not_started" }),
      ).toEqual({ kind: "answer", answer: "ack" });
    }
    expect((await store.toolCalls.get(toolCallId)).state).toBe("dispatched");
  });

  test("a call that was ended before it ran is not granted any more", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { callIds } = await aChatWithCalls(store, 1, userId);
    const [toolCallId = ""] = callIds;
    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    await dispatch(store, toolCallId, fence.daemonId, clock.now());
    const ended = await store.toolCalls.endBeforeRunning({ toolCallId, outcome: "failed", reason: "daemon_offline" });
    expect(ended).toMatchObject({ state: "failed", result: { text: "daemon_offline", isError: true } });
    expect(await store.toolCalls.daemonReady(fence, { toolCallId, journalId })).toEqual({
      kind: "answer",
      answer: "withdraw",
      outcome: "failed",
    });
    expect((await store.toolCalls.markUnreachable(toolCallId, "gone")).state).toBe("failed");
  });

  test("a running call is ended only by its daemon or as unknown", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { callIds } = await aChatWithCalls(store, 1, userId);
    const [toolCallId = ""] = callIds;
    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    await dispatch(store, toolCallId, fence.daemonId, clock.now());
    await store.toolCalls.daemonReady(fence, { toolCallId, journalId });
    const kept = await store.toolCalls.endBeforeRunning({ toolCallId, outcome: "cancelled", reason: "no" });
    expect(kept.state).toBe("running");
    const lost = await store.toolCalls.markUnreachable(toolCallId, "out of reach since 12:00");
    expect(lost).toMatchObject({ state: "unknown", result: { text: "out of reach since 12:00" } });
  });

  test("a worker's own tool is started once, however many try", async () => {
    await using db = await open();
    const { store, clock } = db;
    const other = await db.openAnother();
    const { callIds } = await aChatWithCalls(store, 1);
    const [toolCallId = ""] = callIds;
    const times = { timeoutMs: 1000, deadlineAtMs: clock.now() + 2000 };
    const tries = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 === 0 ? store : other).toolCalls.startHere({ toolCallId, journalId: `worker-${index}`, ...times }),
      ),
    );
    expect(tries.filter(({ started }) => started)).toHaveLength(1);
    const [winner] = tries.filter(({ started }) => started);
    const finished = await store.toolCalls.finishHere({
      toolCallId,
      journalId: winner?.toolCall.journalId ?? "",
      ending: "finished",
      result: DONE,
    });
    expect(finished).toMatchObject({ state: "succeeded", result: DONE });
  });

  test("calls of one chat that end at the same time take numbers without gap", async () => {
    await using db = await open();
    const { store, clock } = db;
    const other = await db.openAnother();
    const userId = await aUser(store);
    const { chat, callIds } = await aChatWithCalls(store, 24, userId);
    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    const turn = (index: number) => (index % 2 === 0 ? store : other);
    await Promise.all(callIds.map((id, index) => dispatch(turn(index), id, fence.daemonId, clock.now())));
    await Promise.all(
      callIds.map((toolCallId, index) => turn(index).toolCalls.daemonReady(fence, { toolCallId, journalId })),
    );
    await Promise.all(
      callIds.map((toolCallId, index) =>
        turn(index).toolCalls.daemonResult(fence, { toolCallId, journalId, ending: "finished", result: DONE }),
      ),
    );
    const outcomes = (await updatesOf(store, chat.id)).filter(
      ({ event }) => event.kind === "tool_call" && event.state === "succeeded",
    );
    expect(outcomes).toHaveLength(24);
  });
});
