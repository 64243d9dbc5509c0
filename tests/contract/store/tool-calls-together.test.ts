import { expect, test } from "bun:test";
import { newId } from "../../../src/core/ids.ts";
import { describeOnStores } from "./describe-on-stores.ts";
import { DONE, dispatched } from "./dispatched-calls.ts";
import { aChatWithCalls, aDaemon, aUser, dispatch, errorOf, updatesOf } from "./store-verbs.ts";

const GRANT = { kind: "answer", answer: "grant" } as const;
const WITHDRAW = { kind: "answer", answer: "withdraw" } as const;

describeOnStores("what comes to the ledger at the same time", (open) => {
  test("is answered each for itself: granted, fenced, withdrawn, unknown", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const mine = await dispatched(store, userId, clock.now(), 6);
    const [first = "", second = "", granted = "", ended = "", running = "", last = ""] = mine.callIds;
    const moved = await dispatched(store, userId, clock.now(), 1);
    const [fenced = ""] = moved.callIds;
    await store.daemons.hello({ ...moved.claim, lastEpoch: moved.fence.epoch });
    await mine.ready(granted);
    await mine.ready(running);
    await store.toolCalls.endBeforeRunning({ toolCallId: ended, outcome: "cancelled", reason: "not needed" });
    const foreign = await dispatched(store, userId, clock.now(), 1);

    const answers = await Promise.all([
      mine.ready(first),
      mine.ready(second),
      moved.ready(fenced),
      mine.ready(granted),
      mine.ready(ended),
      mine.ready(newId("call")),
      mine.ready(foreign.callIds[0] ?? ""),
      store.toolCalls.daemonReady(mine.fence, { toolCallId: running, journalId: newId("jrn") }),
      mine.ready(last),
    ]);
    const unknown = { ...WITHDRAW, outcome: "unknown" } as const;
    const cancelled = { ...WITHDRAW, outcome: "cancelled" } as const;
    const fence = { kind: "fenced" } as const;
    expect(answers).toEqual([GRANT, GRANT, fence, GRANT, cancelled, WITHDRAW, WITHDRAW, unknown, GRANT]);
    const states = await Promise.all(
      [first, second, fenced, granted, ended, foreign.callIds[0] ?? "", running, last].map(async (id) => {
        const { state, journalId } = await store.toolCalls.get(id);
        return [state, journalId === mine.journalId];
      }),
    );
    expect(states).toEqual([
      ["running", true],
      ["running", true],
      ["dispatched", false],
      ["running", true],
      ["cancelled", false],
      ["dispatched", false],
      ["unknown", true],
      ["running", true],
    ]);
    expect((await updatesOf(store, mine.chat.id)).length).toBe((await store.chats.get(userId, mine.chat.id)).sequence);
  });

  test("takes consecutive numbers in its chat, in the order in which it came, with all its facts", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const [other, mine] = [
      await dispatched(store, userId, clock.now(), 1),
      await dispatched(store, userId, clock.now(), 12),
    ];
    const { sequence } = await store.chats.get(userId, mine.chat.id);
    // What comes for itself is done alone: the others are together behind it.
    await Promise.all([...other.callIds.map((id) => other.ready(id)), ...mine.callIds.map((id) => mine.ready(id))]);
    const results = mine.callIds.map((id, index) => mine.finish(id, { text: `"${index}" \\ {,} ü`, isError: false }));
    await Promise.all([other.finish(other.callIds[0] ?? ""), ...results]);

    const updates = (await updatesOf(store, mine.chat.id)).filter((update) => update.sequence > sequence);
    const events = updates.map(({ event }) => event);
    const template = { kind: "tool_call", name: "shell", daemonId: mine.fence.daemonId } as const;
    const calls = await Promise.all(mine.callIds.map((id) => store.toolCalls.get(id)));
    const told = (state: "running" | "succeeded") =>
      calls.map(({ id, messageId }) => ({ ...template, toolCallId: id, messageId, state }));
    expect(events.slice(0, 12).toSorted(byCall)).toEqual(told("running").toSorted(byCall));
    expect(events.slice(12).toSorted(byCall)).toEqual(told("succeeded").toSorted(byCall));
    expect(calls.map(({ result }) => result?.text)).toEqual(calls.map((_, index) => `"${index}" \\ {,} ü`));
    expect((await store.chats.get(userId, mine.chat.id)).sequence).toBe(sequence + 24);
    const announced = db.announced.filter((one) => one.kind === "chat_sequence" && one.chatId === mine.chat.id);
    expect(announced.at(-1)?.sequence).toBe(sequence + 24);
  });

  test("may be of one call twice: one after the other", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const mine = await dispatched(store, userId, clock.now(), 3);
    const [other = "", one = "", two = ""] = mine.callIds;
    const answers = await Promise.all([
      mine.ready(other),
      mine.ready(one),
      mine.ready(one),
      mine.finish(one),
      mine.ready(two),
      mine.finish(one, { text: "again", isError: false }),
    ]);
    const ack = { kind: "answer", answer: "ack", outcome: "succeeded" } as const;
    expect(answers).toEqual([GRANT, GRANT, GRANT, ack, GRANT, ack]);
    expect((await store.toolCalls.get(one)).result).toEqual(DONE);
    const states = (await updatesOf(store, mine.chat.id)).flatMap(({ event }) =>
      event.kind === "tool_call" && event.toolCallId === one ? [event.state] : [],
    );
    expect(states).toEqual(["requested", "dispatched", "running", "succeeded"]);
  });

  test("is granted to the process that holds the epoch, which alone may say that nothing ran", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const mine = await dispatched(store, userId, clock.now(), 4);
    await Promise.all(mine.callIds.map((id) => mine.ready(id)));
    const next = await store.daemons.hello({
      ...{ ...mine.claim, lastEpoch: mine.fence.epoch, instanceId: newId("ins") },
      startCount: mine.claim.startCount + 1,
    });
    if (next.kind !== "taken") throw new Error(`the hello was answered ${next.kind}`);
    const fence = { daemonId: mine.fence.daemonId, epoch: next.epoch };
    const notStarted = (toolCallId: string) =>
      store.toolCalls.daemonResult(fence, { toolCallId, journalId: mine.journalId, ending: "not_started" });
    const answers = await Promise.all(mine.callIds.map(notStarted));
    const unknown = { kind: "answer", answer: "ack", outcome: "unknown" } as const;
    expect(answers).toEqual(mine.callIds.map(() => unknown));
  });

  test("may be large: nobody's result is cut or mixed up", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const mine = await dispatched(store, userId, clock.now(), 8);
    await Promise.all(mine.callIds.map((id) => mine.ready(id)));
    const textOf = (index: number) => `${index}`.repeat(index % 2 === 0 ? 30_000 : 10);
    await Promise.all(mine.callIds.map((id, index) => mine.finish(id, { text: textOf(index), isError: false })));
    const calls = await Promise.all(mine.callIds.map((id) => store.toolCalls.get(id)));
    expect(calls.map(({ result }) => result?.text)).toEqual(calls.map((_, index) => textOf(index)));
  });

  test("dispatches each with its own daemon and times; one that cannot be fails alone", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const nowMs = clock.now();
    const { chat, callIds } = await aChatWithCalls(store, 8, userId);
    const daemons = await Promise.all(callIds.map(() => aDaemon(store, userId, nowMs)));
    const [early = "", ...rest] = callIds;
    const [one, other] = [daemons[0]?.fence.daemonId ?? "", daemons[1]?.fence.daemonId ?? ""];
    await dispatch(store, early, one, nowMs);
    const missing = newId("call");
    const outcomes = await Promise.allSettled([
      ...rest.map((toolCallId, index) =>
        store.toolCalls.dispatch({
          ...{ toolCallId, daemonId: daemons[index + 1]?.fence.daemonId ?? "" },
          ...{ timeoutMs: 1_000 + index, deadlineAtMs: nowMs + index },
        }),
      ),
      dispatch(store, early, other, nowMs),
    ]);
    const failed = await Promise.allSettled([
      dispatch(store, rest[0] ?? "", one, nowMs),
      errorOf(dispatch(store, missing, one, nowMs)),
      dispatch(store, rest[1] ?? "", one, nowMs),
    ]);
    expect(failed).toMatchObject([
      { value: { id: rest[0], daemonId: other } },
      { value: { code: "not_found" } },
      { value: { id: rest[1] } },
    ]);
    const calls = await Promise.all(callIds.map((id) => store.toolCalls.get(id)));
    const values = outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : outcome.reason));
    expect(values).toEqual([...calls.slice(1), calls[0]]);
    expect(calls.slice(1)).toMatchObject(
      rest.map((id, index) => ({
        ...{ id, state: "dispatched", daemonId: daemons[index + 1]?.fence.daemonId, input: { command: "true" } },
        ...{ timeoutMs: 1_000 + index, deadlineAtMs: nowMs + index },
      })),
    );
    expect(calls[0]?.daemonId).toBe(one);
    expect((await updatesOf(store, chat.id)).filter(({ event }) => isDispatch(event))).toHaveLength(8);
  });

  test("of many calls of few chats through two gateways is all written, and no number is missing", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const other = await db.openAnother();
    const chats = await Promise.all([20, 20, 20].map((count) => dispatched(store, userId, clock.now(), count)));
    const acts = chats.flatMap(({ callIds, fence, journalId }, chat) =>
      callIds.map(async (toolCallId, index) => {
        const { toolCalls } = (index + chat) % 2 === 0 ? store : other;
        const granted = await toolCalls.daemonReady(fence, { toolCallId, journalId });
        return [granted, await toolCalls.daemonResult(fence, { toolCallId, journalId, ending: "finished" })];
      }),
    );
    const ack = { kind: "answer", answer: "ack", outcome: "succeeded" } as const;
    expect(await Promise.all(acts)).toEqual(acts.map(() => [GRANT, ack]));
    for (const { chat, callIds } of chats) {
      const events = (await updatesOf(store, chat.id)).map(({ event }) => event);
      expect(events.filter((event) => event.kind === "tool_call")).toHaveLength(4 * callIds.length);
      expect((await store.chats.get(userId, chat.id)).sequence).toBe(events.length);
    }
  });
});

function isDispatch(event: { readonly kind: string; readonly state?: unknown }): boolean {
  return event.kind === "tool_call" && event.state === "dispatched";
}

function byCall(a: object, b: object): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
