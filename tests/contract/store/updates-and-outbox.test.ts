import { expect, test } from "bun:test";
import type { ToolOutputChunk } from "../../../src/chat/chat-update.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { eventually } from "../../support/eventually.ts";
import { describeOnStores } from "./describe-on-stores.ts";
import { aChat, aChatWithCalls, aDaemon, aUser, dispatch, say } from "./store-verbs.ts";

describeOnStores("updates", (open) => {
  test("are read from a number on, at most so many", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    for (const words of ["one", "two", "three"]) await say(store, chat, words);
    const page = await store.updates.chatUpdates(chat.id, 1, 2);
    expect(page.map(({ sequence, event }) => [sequence, event.kind])).toEqual([
      [2, "run"],
      [3, "message"],
    ]);
    expect(await store.updates.chatUpdates(chat.id, 4, 10)).toEqual([]);
  });

  test("last numbers of many chats and users come in one answer, unknown ids left out", async () => {
    await using db = await open();
    const { store } = db;
    const chats = [await aChat(store), await aChat(store)];
    const [talking, silent] = chats;
    if (talking === undefined || silent === undefined) throw new Error("no chats were made");
    await say(store, talking, "hello");
    const last = await store.updates.lastSequences({
      userIds: [talking.userId, silent.userId, "usr_unknown"],
      chatIds: [talking.id, silent.id, "chat_unknown"],
    });
    expect(last.chats).toEqual(
      new Map([
        [talking.id, 2],
        [silent.id, 0],
      ]),
    );
    expect(last.users).toEqual(
      new Map([
        [talking.userId, 2],
        [silent.userId, 1],
      ]),
    );
  });

  test("one announcement a transaction tells the last number, after it can be read", async () => {
    await using db = await open();
    const { store, announced } = db;
    const chat = await aChat(store);
    await say(store, chat, "hello");
    expect(announced).toEqual([
      { kind: "user_sequence", userId: chat.userId, sequence: 1 },
      { kind: "chat_sequence", userId: chat.userId, chatId: chat.id, sequence: 2 },
      { kind: "user_sequence", userId: chat.userId, sequence: 2 },
    ]);
  });

  test("live output keeps the latest piece of each running call, and goes with its result", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { chat, callIds } = await aChatWithCalls(store, 2, userId);
    const [running = "", waiting = ""] = callIds;
    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    await dispatch(store, running, fence.daemonId, clock.now());
    await store.toolCalls.daemonReady(fence, { toolCallId: running, journalId });
    const piece = (toolCallId: string, offset: number): ToolOutputChunk => ({
      ...{ chatId: chat.id, toolCallId, channel: "stdout", offset, data: "eA==", gapBytes: 0 },
    });
    store.updates.saveLiveOutput(piece(waiting, 0));
    store.updates.saveLiveOutput(piece(running, 0));
    store.updates.saveLiveOutput(piece(running, 1));
    const stored = await eventually("live output to be stored", async () => {
      const output = await store.updates.liveOutput(chat.id);
      return output.length > 0 && output;
    });
    expect(stored).toEqual([piece(running, 1)]);
    await store.toolCalls.daemonResult(fence, { toolCallId: running, journalId, ending: "finished" });
    expect(await store.updates.liveOutput(chat.id)).toEqual([]);
  });
});

describeOnStores("the outbox", (open) => {
  test("gives what is old enough to one claimer, and to another one when the claim has run out", async () => {
    await using db = await open();
    const { store, clock } = db;
    const chat = await aChat(store);
    const { outboxId = "" } = await say(store, chat, "hello");
    expect(await store.outbox.claim(clock.now(), 10)).toEqual([]);
    clock.advance(LIMITS.outboxAgeMs + 1000);
    const entry = { id: outboxId, kind: "wake", chatId: chat.id } as const;
    expect(await store.outbox.claim(clock.now(), 10)).toEqual([entry]);
    expect(await store.outbox.claim(clock.now(), 10)).toEqual([]);
    clock.advance(LIMITS.outboxClaimMs + 1000);
    expect(await store.outbox.claim(clock.now(), 10)).toEqual([entry]);
    await store.outbox.done([outboxId]);
    clock.advance(LIMITS.outboxClaimMs + 1000);
    expect(await store.outbox.claim(clock.now(), 10)).toEqual([]);
  });

  test("gives what its claimer released to the next one at once", async () => {
    await using db = await open();
    const { store, clock } = db;
    const chat = await aChat(store);
    const { outboxId = "" } = await say(store, chat, "hello");
    clock.advance(LIMITS.outboxAgeMs + 1000);
    const claimed = await store.outbox.claim(clock.now(), 10);
    await store.outbox.release([outboxId]);
    expect(await store.outbox.claim(clock.now(), 10)).toEqual(claimed);
    await store.outbox.done([outboxId]);
    await store.outbox.release([outboxId]);
    expect(await store.outbox.claim(clock.now(), 10)).toEqual([]);
  });

  test("gives what was released to one whose clock is behind as well", async () => {
    await using db = await open();
    const { store, clock } = db;
    const chat = await aChat(store);
    const { outboxId = "" } = await say(store, chat, "hello");
    clock.advance(60_000);
    const claimed = await store.outbox.claim(clock.now(), 10);
    await store.outbox.release([outboxId]);
    expect(claimed).toHaveLength(1);
    expect(await store.outbox.claim(clock.now() - 5_000, 10)).toEqual(claimed);
  });

  test("entries that are refused each time, oldest first, keep newer ones from nothing, and take turns", async () => {
    await using db = await open();
    const { store, clock } = db;
    const entriesOf = async (count: number) => {
      const chat = await aChat(store);
      const said = [];
      for (let index = 0; index < count; index++) said.push(await say(store, chat, `${index}`));
      clock.advance(LIMITS.outboxAgeMs + 1000);
      return said.map(({ outboxId = "" }) => outboxId);
    };
    const claimedIds = async (limit: number) => (await store.outbox.claim(clock.now(), limit)).map(({ id }) => id);
    const refused = await entriesOf(6);
    const seen: string[] = [];
    for (let round = 0; round < 3; round++) {
      const claimed = await claimedIds(2);
      seen.push(...claimed);
      await store.outbox.release(claimed);
      clock.advance(1000);
    }
    expect(seen.sort()).toEqual([...refused].sort());
    const newer = await entriesOf(1);
    expect((await claimedIds(2))[0]).toBe(newer[0] ?? "");
  });

  test("claimers at the same time never get the same entry, and together get all", async () => {
    await using db = await open();
    const { store, clock } = db;
    const other = await db.openAnother();
    const chat = await aChat(store);
    for (let index = 0; index < 40; index++) await say(store, chat, `${index}`);
    clock.advance(LIMITS.outboxAgeMs + 1000);
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? store : other).outbox.claim(clock.now(), 7)),
    );
    const rest = await store.outbox.claim(clock.now(), 100);
    const ids = [...claims.flat(), ...rest].map(({ id }) => id);
    expect(ids).toHaveLength(40);
    expect(new Set(ids).size).toBe(40);
    expect(claims.filter((claim) => claim.length > 0).length).toBeGreaterThan(1);
  });
});
