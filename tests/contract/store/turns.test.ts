import { expect, test } from "bun:test";
import type { LiveBlock } from "../../../src/chat/chat-update.ts";
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
  toolCallBlock,
  updatesOf,
} from "./store-verbs.ts";

const USAGE = { inputTokens: 10, outputTokens: 5, cachedInputTokens: 2, reasoningTokens: 1 };

function live(chatId: string, messageId: string, attempt: number, value: string): LiveBlock {
  return { chatId, messageId, attempt, blockIndex: 0, blockKind: "text", text: value };
}

describeOnStores("turns", (open) => {
  test("an answer without tool calls ends the run in the same transaction", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const { message, run } = await say(store, chat, "hello");
    const answer = await begin(store, run.id);
    expect(answer).toMatchObject({ attempt: 1, messages: [message], chat: { id: chat.id, model: "scripted/test" } });
    const fence = { messageId: answer.messageId, attempt: 1 };
    const view = await store.turns.completeAnswer(fence, { state: "complete", blocks: [text("hi")], usage: USAGE });
    expect(view).toEqual({ chatId: chat.id, unanswered: false });
    const ended = (await store.chats.get(chat.userId, chat.id)).run;
    expect(ended).toMatchObject({ id: run.id, state: "succeeded", modelCalls: 1 });
    expect(ended?.endedAtMs).toBeNumber();
    const events = (await updatesOf(store, chat.id)).map(({ event }) => event);
    expect(events.map(({ kind }) => kind)).toEqual(["message", "run", "attempt_started", "message", "run"]);
    expect(events[3]).toMatchObject({
      message: { id: answer.messageId, role: "assistant", state: "complete", usage: USAGE, model: "scripted/test" },
    });
    const told = (await store.updates.userUpdates(chat.userId, 0, 10)).map(({ event }) => event.kind);
    expect(told).toEqual(["chat_changed", "chat_changed", "chat_changed"]);
    expect(await store.turns.chatsUnderWay(10)).toEqual([]);
  });

  test("a message that came while the model wrote keeps the run going", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const { run } = await say(store, chat, "first");
    const answer = await begin(store, run.id);
    await say(store, chat, "second");
    const fence = { messageId: answer.messageId, attempt: 1 };
    const view = await store.turns.completeAnswer(fence, { state: "complete", blocks: [text("to the first")] });
    expect(view).toMatchObject({ unanswered: true, run: { id: run.id, modelCalls: 1 } });
    const next = await begin(store, run.id);
    expect(next.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
  });

  test("each tool call of an answer becomes a requested row, and its result goes into the chat once", async () => {
    await using db = await open();
    const { store, clock } = db;
    const userId = await aUser(store);
    const { chat, run, answerId, callIds } = await aChatWithCalls(store, 2, userId);
    const [first = "", second = ""] = callIds;
    expect(await store.turns.view(chat.id)).toEqual({
      chatId: chat.id,
      run: { id: run.id, cancelRequested: false, modelCalls: 1 },
      answer: { messageId: answerId, state: "complete", openToolCallIds: callIds, hasToolCalls: true },
      unanswered: false,
    });
    expect(await store.toolCalls.get(second)).toMatchObject({
      state: "requested",
      index: 1,
      name: "shell",
      chatId: chat.id,
      userId,
      runId: run.id,
      messageId: answerId,
    });
    const early = await errorOf(store.turns.deliverResult(first));
    expect(early).toEqual({ code: "failed_precondition", message: `deliver tool result: ${first} is still requested` });

    const { fence, journalId } = await aDaemon(store, userId, clock.now());
    await dispatch(store, first, fence.daemonId, clock.now());
    await store.toolCalls.daemonReady(fence, { toolCallId: first, journalId });
    const result = { text: "42", isError: false, details: { exitCode: 0 } };
    await store.toolCalls.daemonResult(fence, { toolCallId: first, journalId, ending: "finished", result });
    const view = await store.turns.deliverResult(first);
    expect(view.answer?.openToolCallIds).toEqual([second]);
    const updates = await updatesOf(store, chat.id);
    expect(updates.at(-1)?.event).toMatchObject({
      kind: "message",
      message: {
        role: "tool",
        blocks: [{ kind: "tool_result", toolCallId: first, outcome: "succeeded", result }],
      },
    });
    expect(await store.turns.deliverResult(first)).toEqual(view);
    expect(await updatesOf(store, chat.id)).toHaveLength(updates.length);
    expect((await store.toolCalls.get(first)).delivered).toBe(true);
  });

  test("of results that are delivered at the same time the last one sees all", async () => {
    await using db = await open();
    const { store } = db;
    const other = await db.openAnother();
    const { chat, callIds } = await aChatWithCalls(store, 16);
    for (const toolCallId of callIds) {
      await store.toolCalls.endBeforeRunning({ toolCallId, outcome: "denied", reason: "not allowed" });
    }
    const views = await Promise.all(
      callIds.map((id, index) => (index % 2 === 0 ? store : other).turns.deliverResult(id)),
    );
    const left = views.map((view) => view.answer?.openToolCallIds.length).toSorted((a = 0, b = 0) => a - b);
    expect(left).toEqual(Array.from({ length: 16 }, (_, index) => index));
    await updatesOf(store, chat.id);
  });

  test("a second attempt takes the fence: the first writes nothing any more", async () => {
    await using db = await open();
    const { store } = db;
    const other = await db.openAnother();
    const chat = await aChat(store);
    const { run } = await say(store, chat, "hello");
    const frozen = await begin(store, run.id);
    const { messageId } = frozen;
    const old = { messageId, attempt: frozen.attempt };
    expect(await store.turns.saveLiveBlocks(old, [live(chat.id, messageId, 1, "Hel")])).toEqual({
      held: true,
      cancelRequested: false,
    });
    const taken = await begin(other, run.id, messageId);
    expect(taken.attempt).toBe(2);
    expect(await store.updates.liveBlocks(chat.id)).toEqual([]);

    expect(await store.turns.saveLiveBlocks(old, [live(chat.id, messageId, 1, "Hello")])).toMatchObject({
      held: false,
    });
    expect(await store.turns.completeAnswer(old, { state: "complete", blocks: [text("frozen")] })).toBeUndefined();
    await store.turns.noteAttempt(old, { usage: USAGE, error: { code: "unavailable", message: "late" } });
    expect(await store.updates.liveBlocks(chat.id)).toEqual([]);

    const fence = { messageId, attempt: 2 };
    await other.turns.saveLiveBlocks(fence, [live(chat.id, messageId, 2, "Good")]);
    await other.turns.saveLiveBlocks(fence, [live(chat.id, messageId, 2, "Good day")]);
    expect(await store.updates.liveBlocks(chat.id)).toEqual([live(chat.id, messageId, 2, "Good day")]);
    expect(await other.turns.completeAnswer(fence, { state: "complete", blocks: [text("Good day!")] })).toEqual({
      chatId: chat.id,
      unanswered: false,
    });
    expect(await store.updates.liveBlocks(chat.id)).toEqual([]);
    expect(await other.turns.completeAnswer(fence, { state: "complete", blocks: [text("twice")] })).toBeUndefined();
    const events = (await updatesOf(store, chat.id)).map(({ event }) => event);
    expect(events.filter(({ kind }) => kind === "attempt_started")).toEqual([
      { kind: "attempt_started", messageId, attempt: 1 },
      { kind: "attempt_started", messageId, attempt: 2 },
    ]);
    expect(JSON.stringify(events)).not.toContain("frozen");
  });

  test("attempts that race for one answer get attempts of their own", async () => {
    await using db = await open();
    const { store } = db;
    const other = await db.openAnother();
    const chat = await aChat(store);
    const { run } = await say(store, chat, "hello");
    const messageId = newId("msg");
    const answers = await Promise.all(
      [store, other, store, other].map((one) => one.turns.beginAnswer({ runId: run.id, messageId })),
    );
    const attempts = answers.flatMap((answer) => (answer.kind === "begun" ? [answer.attempt] : []));
    expect(attempts.toSorted()).toEqual([1, 2, 3, 4]);
  });

  test("who asks again after its own attempt takes no fence from the attempt that took over", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const { run } = await say(store, chat, "hello");
    const { messageId } = await begin(store, run.id);
    const again = { runId: run.id, messageId, after: 1 };
    expect(await store.turns.beginAnswer(again)).toMatchObject({ kind: "begun", attempt: 2 });
    const before = (await updatesOf(store, chat.id)).length;
    expect(await store.turns.beginAnswer(again)).toMatchObject({
      ...{ kind: "settled", view: { run: { modelCalls: 2 }, answer: { messageId, state: "open" } } },
    });
    expect(await updatesOf(store, chat.id)).toHaveLength(before);
    const held = await store.turns.saveLiveBlocks({ messageId, attempt: 2 }, []);
    expect(held).toEqual({ held: true, cancelRequested: false });
  });

  test("an attempt too many fails the answer and says what the last one died of", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const { run } = await say(store, chat, "hello");
    const messageId = newId("msg");
    for (let attempt = 1; attempt <= LIMITS.modelAttempts; attempt++) {
      await begin(store, run.id, messageId);
      const error = { code: "provider_failed", message: `overloaded ${attempt}` };
      await store.turns.noteAttempt({ messageId, attempt }, { error });
    }
    const settled = await store.turns.beginAnswer({ runId: run.id, messageId });
    expect(settled.kind).toBe("settled");
    const view = await store.turns.view(chat.id);
    expect(view.answer?.state).toBe("failed");
    expect(view.answer?.error?.code).toBe("provider_failed");
    expect(view.answer?.error?.message).toContain(`overloaded ${LIMITS.modelAttempts}`);
    const error = view.answer?.error ?? { code: "", message: "" };
    expect(await store.turns.endRun({ runId: run.id, outcome: "failed", error })).toEqual({
      chatId: chat.id,
      unanswered: false,
    });
    expect((await store.chats.get(chat.userId, chat.id)).run).toMatchObject({ state: "failed", error });
  });

  test("asking again for an answer that stands, of a run that ended, or beside an open one, begins nothing", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const { run } = await say(store, chat, "hello");
    const answer = await begin(store, run.id);
    const beside = await store.turns.beginAnswer({ runId: run.id, messageId: newId("msg") });
    expect(beside).toMatchObject({ kind: "settled", view: { answer: { messageId: answer.messageId, state: "open" } } });
    await store.turns.completeAnswer(
      { messageId: answer.messageId, attempt: 1 },
      { state: "complete", blocks: [text("hi")] },
    );
    for (const messageId of [answer.messageId, newId("msg")]) {
      const late = await store.turns.beginAnswer({ runId: run.id, messageId });
      expect(late).toEqual({ kind: "settled", view: { chatId: chat.id, unanswered: false } });
    }
    expect((await errorOf(store.turns.beginAnswer({ runId: newId("run"), messageId: newId("msg") }))).code).toBe(
      "not_found",
    );
  });

  test("an interrupted answer is kept with what had come; its tool calls never run", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const { run } = await say(store, chat, "hello");
    const answer = await begin(store, run.id);
    await store.chats.requestCancel(chat.userId, chat.id);
    const fence = { messageId: answer.messageId, attempt: 1 };
    expect(await store.turns.saveLiveBlocks(fence, [])).toEqual({ held: true, cancelRequested: true });
    const callId = newId("call");
    const view = await store.turns.completeAnswer(fence, {
      state: "interrupted",
      blocks: [text("I was about to"), toolCallBlock(callId)],
    });
    expect(view?.answer).toMatchObject({ state: "interrupted", openToolCallIds: [], hasToolCalls: false });
    expect(await store.toolCalls.find(callId)).toBeUndefined();
    await store.turns.endRun({ runId: run.id, outcome: "cancelled" });
    expect((await store.chats.get(chat.userId, chat.id)).run?.state).toBe("cancelled");
  });

  test("a run does not end as succeeded while something is to be done", async () => {
    await using db = await open();
    const { store } = db;
    const { run, callIds } = await aChatWithCalls(store, 1);
    const view = await store.turns.endRun({ runId: run.id, outcome: "succeeded" });
    expect(view.run?.id).toBe(run.id);
    expect(view.answer?.openToolCallIds).toEqual(callIds);
  });

  test("what a user wrote after asking for the cancel gets a run of its own when the cancelled one ends", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const { run } = await say(store, chat, "one");
    const answer = await begin(store, run.id);
    await say(store, chat, "two, before the cancel");
    await store.chats.requestCancel(chat.userId, chat.id);
    await store.turns.completeAnswer(
      { messageId: answer.messageId, attempt: 1 },
      { state: "interrupted", blocks: [text("I")] },
    );
    await say(store, chat, "three, after the cancel");
    const view = await store.turns.endRun({ runId: run.id, outcome: "cancelled" });
    expect(view.run).toMatchObject({ cancelRequested: false, modelCalls: 0 });
    expect(view.run?.id).not.toBe(run.id);
    const states = (await updatesOf(store, chat.id)).flatMap(({ event }) =>
      event.kind === "run" ? [event.run.state] : [],
    );
    expect(states).toEqual(["running", "running", "cancelled", "running"]);
  });

  test("what a user wrote before the cancel does not begin a run again", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const { run } = await say(store, chat, "one");
    const answer = await begin(store, run.id);
    await say(store, chat, "two");
    await store.chats.requestCancel(chat.userId, chat.id);
    await store.turns.completeAnswer({ messageId: answer.messageId, attempt: 1 }, { state: "interrupted", blocks: [] });
    const view = await store.turns.endRun({ runId: run.id, outcome: "cancelled" });
    expect(view.run).toBeUndefined();
    expect(await store.turns.endRun({ runId: run.id, outcome: "failed" })).toEqual(view);
    expect((await store.chats.get(chat.userId, chat.id)).run?.state).toBe("cancelled");
  });

  test("a run that is ended by force settles its open answer with what had come", async () => {
    await using db = await open();
    const { store } = db;
    const chat = await aChat(store);
    const { run } = await say(store, chat, "hello");
    const { messageId } = await begin(store, run.id);
    await store.turns.saveLiveBlocks({ messageId, attempt: 1 }, [live(chat.id, messageId, 1, "half an ans")]);
    const error = { code: "internal", message: "the step failed for good" };
    await store.turns.endRun({ runId: run.id, outcome: "failed", error });
    const { messages } = await store.chats.listMessages({
      userId: chat.userId,
      chatId: chat.id,
      afterPosition: 0,
      limit: 10,
    });
    expect(messages.at(-1)).toMatchObject({ id: messageId, state: "failed", error, blocks: [text("half an ans")] });
    expect(await store.updates.liveBlocks(chat.id)).toEqual([]);
    expect(
      await store.turns.completeAnswer({ messageId, attempt: 1 }, { state: "complete", blocks: [text("late")] }),
    ).toBeUndefined();
    await updatesOf(store, chat.id);
  });

  test("an answer with an id of a call that is there, or with too many calls, is refused whole", async () => {
    await using db = await open();
    const { store } = db;
    const { callIds } = await aChatWithCalls(store, 1);
    const chat = await aChat(store);
    const { run } = await say(store, chat, "hello");
    const { messageId } = await begin(store, run.id);
    const fence = { messageId, attempt: 1 };
    const taken = store.turns.completeAnswer(fence, {
      state: "complete",
      blocks: [toolCallBlock(newId("call")), toolCallBlock(callIds[0] ?? "")],
    });
    expect((await errorOf(taken)).code).toBe("already_exists");
    const many = Array.from({ length: LIMITS.toolCallsPerMessage + 1 }, () => toolCallBlock(newId("call")));
    expect((await errorOf(store.turns.completeAnswer(fence, { state: "complete", blocks: many }))).code).toBe(
      "resource_exhausted",
    );
    expect((await store.turns.view(chat.id)).answer).toMatchObject({ state: "open", hasToolCalls: false });
  });

  test("the project's folder comes with the answer that begins", async () => {
    await using db = await open();
    const { store } = db;
    const userId = await aUser(store);
    const { id: projectId } = await store.projects.findOrCreate({ userId, name: "app", path: "/src/app" });
    const chat = await store.chats.create({ id: newId("chat"), userId, title: "t", model: "m/m", projectId });
    const { run } = await say(store, chat, "hello");
    expect((await begin(store, run.id)).projectPath).toBe("/src/app");
  });
});
