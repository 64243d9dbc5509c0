import { expect, test } from "bun:test";
import { newId } from "../../../src/core/ids.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { describeOnStores } from "./describe-on-stores.ts";
import {
  aChat,
  aChatWithCalls,
  aDaemon,
  aUser,
  begin,
  dispatch,
  errorOf,
  say,
  text,
  updatesOf,
} from "./store-verbs.ts";

describeOnStores("chats", (open) => {
  test("a chat made twice under one id is one chat, and the user is told once", async () => {
    await using db = await open();
    const { store } = db;
    const userId = await aUser(store);
    const chat = { id: newId("chat"), userId, title: "First", model: "scripted/test" };
    const made = await store.chats.create(chat);
    expect(await store.chats.create({ ...chat, title: "Second" })).toEqual(made);
    expect(made).toMatchObject({ id: chat.id, title: "First", sequence: 0 });
    expect(await store.updates.userUpdates(userId, 0, 10)).toEqual([
      { userId, sequence: 1, event: { kind: "chat_changed", chatId: chat.id } },
    ]);
    const stranger = await aUser(store);
    expect((await errorOf(store.chats.create({ ...chat, userId: stranger }))).code).toBe("already_exists");
  });

  test("a chat that is made with its first message stands with its run, and the user is told once", async () => {
    await using db = await open();
    const { store, announced } = db;
    const userId = await aUser(store);
    const project = await store.projects.findOrCreate({ userId, name: "p", path: "/p" });
    const wishes = { id: newId("chat"), userId, projectId: project.id, title: "a\u0000b", model: "scripted/test" };
    const blocks = [text("one\u0000, and half a \ud83d"), text("two")];
    const message = { messageId: newId("msg"), blocks };
    const { outboxId, ...started } = await store.chats.start(wishes, message);
    expect(outboxId).toBeString();
    expect(started.chat).toEqual(await store.chats.get(userId, wishes.id));
    expect(started.chat.run).toEqual(started.run);
    expect(started.message).toMatchObject({ id: message.messageId, position: 1, blocks });
    expect((await updatesOf(store, wishes.id)).map(({ sequence, event }) => ({ sequence, event }))).toEqual([
      { sequence: 1, event: { kind: "message", message: started.message } },
      { sequence: 2, event: { kind: "run", run: started.run } },
    ]);
    expect(await store.updates.userUpdates(userId, 0, 10)).toEqual([
      { userId, sequence: 1, event: { kind: "chat_changed", chatId: wishes.id } },
    ]);
    expect(announced.slice(-2)).toEqual([
      { kind: "chat_sequence", userId, chatId: wishes.id, sequence: 2 },
      { kind: "user_sequence", userId, sequence: 1 },
    ]);
    expect(await store.chats.start(wishes, message)).toEqual(started);
    expect(await updatesOf(store, wishes.id)).toHaveLength(2);
  });

  test("a chat that is begun again, with the message that was lost on its way, takes it up", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const wishes = { id: chat.id, userId: chat.userId, title: "Another", model: "m/m" };
    const first = await store.chats.start(wishes, { messageId: newId("msg"), blocks: [text("one")] });
    const second = await store.chats.start(wishes, { messageId: newId("msg"), blocks: [text("two")] });
    expect(first.chat).toMatchObject({ title: "A chat", sequence: 2, run: first.run });
    expect(second.run).toEqual(first.run);
    expect(second.message.position).toBe(2);
    expect(second.chat.sequence).toBe(3);
  });

  test("a chat whose first message cannot be taken is not made", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const { message } = await say(store, chat, "hello");
    const wishes = { id: newId("chat"), userId: chat.userId, title: "t", model: "m/m" };
    const start = (changes: object, messageId = newId("msg")) =>
      errorOf(store.chats.start({ ...wishes, ...changes }, { messageId, blocks: [text("hi")] }));
    expect((await start({}, message.id)).code).toBe("already_exists");
    expect((await errorOf(store.chats.get(chat.userId, wishes.id))).code).toBe("not_found");
    const stranger = await aUser(store);
    expect((await start({ id: chat.id, userId: stranger })).code).toBe("already_exists");
    const project = await store.projects.findOrCreate({ userId: chat.userId, name: "p", path: "/p" });
    expect((await start({ userId: stranger, projectId: project.id })).code).toBe("not_found");
  });

  test("a title may hold what Postgres stores in no text", async () => {
    await using db = await open();
    const { store } = db;
    const userId = await aUser(store);
    const made = await store.chats.create({
      ...{ id: newId("chat"), userId, title: "a\u0000b\ud83d", model: "scripted/test" },
    });
    expect(made.title).toBe("a\ufffdb\ufffd");
  });

  test("ids of another user are not there", async () => {
    await using db = await open();
    const { store, clock } = db;
    const chat = await aChat(store);
    const stranger = await aUser(store);
    const project = await store.projects.findOrCreate({ userId: chat.userId, name: "p", path: "/p" });
    const { fence } = await aDaemon(store, chat.userId, clock.now());
    const wishes = { id: newId("chat"), userId: stranger, title: "t", model: "m/m" };
    const tries = [
      store.chats.get(stranger, chat.id),
      store.chats.listMessages({ userId: stranger, chatId: chat.id, afterPosition: 0, limit: 10 }),
      store.chats.requestCancel(stranger, chat.id),
      say(store, { ...chat, userId: stranger }, "hello"),
      store.chats.create({ ...wishes, projectId: project.id }),
      store.chats.create({ ...wishes, daemonId: fence.daemonId }),
    ].map(errorOf);
    for (const { code } of await Promise.all(tries)) expect(code).toBe("not_found");
    expect((await store.chats.list({ userId: stranger, limit: 10 })).items).toEqual([]);
  });

  test("a long chat is read from its end: the newest page, then the page before it, each in order", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const ids: string[] = [];
    for (const words of ["one", "two", "three", "four", "five"]) ids.push((await say(store, chat, words)).message.id);
    const read = { userId: chat.userId, chatId: chat.id, afterPosition: 0, newest: true, limit: 2 };
    const last = await store.chats.listMessages(read);
    expect(last.messages.map(({ id }) => id)).toEqual(ids.slice(3));
    expect(last.more).toBe(true);
    const before = await store.chats.listMessages({ ...read, beforePosition: last.messages[0]?.position ?? 0 });
    expect(before.messages.map(({ id }) => id)).toEqual(ids.slice(1, 3));
    const first = await store.chats.listMessages({ ...read, beforePosition: before.messages[0]?.position ?? 0 });
    expect(first).toMatchObject({ messages: [{ id: ids[0] }], more: false });
  });

  test("a message begins a run, and a second one during the run is taken up by the same", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const first = await say(store, chat, "one");
    const second = await say(store, chat, "two");
    expect(first.run).toMatchObject({ state: "running", cancelRequested: false, modelCalls: 0, chatId: chat.id });
    expect(second.run).toEqual(first.run);
    expect([first.message.position, second.message.position]).toEqual([1, 2]);
    expect(first.outboxId).toBeString();
    const updates = await updatesOf(store, chat.id);
    expect(updates.map(({ event }) => event)).toEqual([
      { kind: "message", message: first.message },
      { kind: "run", run: first.run },
      { kind: "message", message: second.message },
    ]);
    const listed = await store.chats.listMessages({ userId: chat.userId, chatId: chat.id, afterPosition: 0, limit: 1 });
    expect(listed).toEqual({ messages: [first.message], sequence: 3, more: true });
    expect((await store.chats.get(chat.userId, chat.id)).run).toEqual(first.run);
  });

  test("a message sent twice under one id changes nothing the second time", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const id = newId("msg");
    const sent = await say(store, chat, "once", id);
    const again = await say(store, chat, "once", id);
    expect(again).toEqual({ message: sent.message, run: sent.run });
    expect(await updatesOf(store, chat.id)).toHaveLength(2);
    const other = await aChat(store, chat.userId);
    expect((await errorOf(say(store, other, "stolen", id))).code).toBe("already_exists");
  });

  test("fifty messages at once get numbers without gap, one run, and places in a row", async () => {
    await using db = await open();
    const { store } = db;
    const other = await db.openAnother();
    const chat = await aChat(store);
    const sent = await Promise.all(
      Array.from({ length: 50 }, (_, index) => say(index % 2 === 0 ? store : other, chat, `message ${index}`)),
    );
    expect(new Set(sent.map(({ run }) => run.id)).size).toBe(1);
    const updates = await updatesOf(store, chat.id);
    expect(updates).toHaveLength(51);
    expect(updates.filter(({ event }) => event.kind === "run")).toHaveLength(1);
    const { messages } = await store.chats.listMessages({
      userId: chat.userId,
      chatId: chat.id,
      afterPosition: 0,
      limit: 100,
    });
    expect(messages.map(({ position }) => position)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(await store.turns.chatsUnderWay(10)).toEqual([chat.id]);
  });

  test("whoever reads while others write sees no number before the smaller ones", async () => {
    await using db = await open();
    const { store } = db;
    const other = await db.openAnother();
    const chat = await aChat(store);
    let done = false;
    const writing = Promise.all(Array.from({ length: 40 }, (_, index) => say(other, chat, `${index}`))).then(() => {
      done = true;
    });
    let looks = 0;
    let seen = 0;
    while (!done) {
      const updates = await updatesOf(store, chat.id);
      expect(updates.length).toBeGreaterThanOrEqual(seen);
      seen = updates.length;
      looks++;
    }
    await writing;
    expect(looks).toBeGreaterThan(0);
    expect(await updatesOf(store, chat.id)).toHaveLength(41);
  });

  test("chats are listed by their newest change, page by page", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const chats = [];
    for (let index = 0; index < 5; index++) {
      chats.push(await aChat(store, userId));
      clock.advance(1000);
    }
    const [first, ...later] = chats;
    if (first === undefined) throw new Error("no chat was made");
    await say(store, first, "I am the newest now");
    const wanted = [first, ...later.toReversed()].map(({ id }) => id);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.chats.list({ userId, limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(wanted);
    expect((await errorOf(store.chats.list({ userId, limit: 2, cursor: "nonsense" }))).code).toBe("invalid_argument");
    expect((await errorOf(store.chats.list({ userId, limit: 0 }))).code).toBe("invalid_argument");
  });

  test("chats of a project are listed without the others", async () => {
    await using db = await open();
    const { store } = db;
    const userId = await aUser(store);
    const { id: projectId } = await store.projects.findOrCreate({ userId, name: "app", path: "/src/app" });
    await aChat(store, userId);
    const made = await store.chats.create({ id: newId("chat"), userId, title: "t", model: "m/m", projectId });
    expect((await store.chats.list({ userId, projectId, limit: 10 })).items).toEqual([made]);
  });

  test("a cancel marks the run, ends the calls that do not run, and names those that do", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { chat, run, callIds } = await aChatWithCalls(store, 3, userId);
    const [requested = "", dispatched = "", running = ""] = callIds;
    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    await dispatch(store, dispatched, fence.daemonId, clock.now());
    await dispatch(store, running, fence.daemonId, clock.now());
    await store.toolCalls.daemonReady(fence, { toolCallId: running, journalId });

    const cancel = await store.chats.requestCancel(userId, chat.id);
    expect(cancel.run).toMatchObject({ id: run.id, state: "running", cancelRequested: true });
    expect(cancel.running.map(({ id }) => id)).toEqual([running]);
    expect(cancel.outboxId).toBeString();
    for (const id of [requested, dispatched]) {
      expect(await store.toolCalls.get(id)).toMatchObject({ state: "cancelled", result: { isError: true } });
    }
    expect(await store.toolCalls.cancelRequested(running)).toBe(true);
    expect((await store.turns.view(chat.id)).run?.cancelRequested).toBe(true);
    const tail = (await updatesOf(store, chat.id)).slice(-3).map(({ event }) => event.kind);
    expect(tail).toEqual(["tool_call", "tool_call", "run"]);

    const again = await store.chats.requestCancel(userId, chat.id);
    expect(again.running.map(({ id }) => id)).toEqual([running]);
  });

  test("a cancel reaches the open calls of a run that failed beside them, and changes the run no more", async () => {
    await using db = await open();
    const { store, clock } = db;
    const { chat, run, callIds } = await aChatWithCalls(store, 2);
    const [waiting = "", running = ""] = callIds;
    const { fence, journalId } = await aDaemon(store, chat.userId, clock.now());
    await dispatch(store, running, fence.daemonId, clock.now());
    await store.toolCalls.daemonReady(fence, { toolCallId: running, journalId });
    const error = { code: "internal", message: "a step was refused for good" };
    await store.turns.endRun({ runId: run.id, outcome: "failed", error });
    const cancel = await store.chats.requestCancel(chat.userId, chat.id);
    expect(cancel.run).toBeUndefined();
    expect(cancel.running.map(({ id }) => id)).toEqual([running]);
    expect(cancel.outboxId).toBeString();
    expect((await store.toolCalls.get(waiting)).state).toBe("cancelled");
    expect(await store.toolCalls.cancelRequested(running)).toBe(true);
    const { run: after } = await store.chats.get(chat.userId, chat.id);
    expect(after).toMatchObject({ state: "failed", error });
    expect((await updatesOf(store, chat.id)).filter(({ event }) => event.kind === "run")).toHaveLength(2);
  });

  test("a cancel of a chat at rest changes nothing", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    expect(await store.chats.requestCancel(chat.userId, chat.id)).toEqual({ running: [] });
    expect(await updatesOf(store, chat.id)).toEqual([]);
  });

  test("cancels race with answers, dispatches and results without a fault or a gap", async () => {
    await using db = await open();
    const { store, clock } = db;
    const other = await db.openAnother();
    const userId = await aUser(store);
    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    for (let round = 0; round < 8; round++) {
      const { chat, callIds } = await aChatWithCalls(store, 6, userId);
      const run = async (toolCallId: string) => {
        await dispatch(store, toolCallId, fence.daemonId, clock.now());
        const answer = await other.toolCalls.daemonReady(fence, { toolCallId, journalId });
        if (answer.kind !== "answer" || answer.answer !== "grant") return;
        await store.toolCalls.daemonResult(fence, { toolCallId, journalId, ending: "finished" });
      };
      await Promise.all([
        ...callIds.map(run),
        other.chats.requestCancel(userId, chat.id),
        store.chats.requestCancel(userId, chat.id),
      ]);
      const views = await Promise.all(callIds.map((id, index) => (index % 2 ? store : other).turns.deliverResult(id)));
      expect(views.filter(({ answer }) => answer?.openToolCallIds.length === 0)).not.toEqual([]);
      await updatesOf(store, chat.id);
    }
  });

  test("refuses an empty message, too many blocks, too much text, and blocks that are not a user's", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const send = (blocks: Parameters<typeof store.chats.sendMessage>[0]["blocks"]) =>
      errorOf(
        (async () =>
          store.chats.sendMessage({ userId: chat.userId, chatId: chat.id, messageId: newId("msg"), blocks }))(),
      );
    expect((await send([])).code).toBe("invalid_argument");
    expect((await send(Array.from({ length: LIMITS.messageBlocks + 1 }, () => text("x")))).code).toBe(
      "resource_exhausted",
    );
    expect((await send([text("x".repeat(LIMITS.messageTextBytes + 1))])).code).toBe("resource_exhausted");
    expect((await send([{ kind: "thinking", text: "I am the model" }])).code).toBe("invalid_argument");
    expect(await updatesOf(store, chat.id)).toEqual([]);
  });

  test("messages hold text, images and files, and open answers are left out of lists", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const blocks = [
      text("look: \u0000 \u{1f600}"),
      { kind: "image", mediaType: "image/png", data: "iVBORw0KGgo=" },
      { kind: "file", name: "a.txt", mediaType: "text/plain", data: "aGVsbG8=" },
    ] as const;
    const { run } = await store.chats.sendMessage({
      userId: chat.userId,
      chatId: chat.id,
      messageId: newId("msg"),
      blocks,
    });
    await begin(store, run.id);
    const { messages } = await store.chats.listMessages({
      userId: chat.userId,
      chatId: chat.id,
      afterPosition: 0,
      limit: 10,
    });
    expect(messages.map((message) => message.blocks)).toEqual([[...blocks]]);
  });
});
