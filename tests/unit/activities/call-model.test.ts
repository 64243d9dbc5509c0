import { describe, expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { ModelError, type ModelEvent } from "../../../src/models/model-provider.ts";
import { textAnswer, toolAnswer, USAGE } from "../../support/fake-model.ts";
import { settle } from "../../support/manual-clock.ts";
import type { StepsWorld } from "../../support/steps-world.ts";
import { answerOf, call, world } from "./model-world.ts";

const overloaded = new ModelError("the provider is overloaded", { retryable: true });

function sentText(at: StepsWorld): string[] {
  return at.events.flatMap((event) => (event.kind === "delta" ? [event.delta.text] : []));
}

describe("calling the model", () => {
  test("stores the whole answer with its usage, and the view says that nothing is left", async () => {
    const at = world(textAnswer("Hi", " there"));
    const view = await call(at);
    expect(answerOf(at)).toMatchObject({
      ...{ id: "msg_1", state: "complete", usage: USAGE },
      blocks: [{ kind: "text", text: "Hi there" }],
    });
    expect(view.run).toBeUndefined();
    expect(at.chat.endedAs).toBe("succeeded");
  });

  test("tells the model the chat, the folder and the platform", async () => {
    const at = world(textAnswer("Hi"));
    await call(at);
    const [request] = at.model.requests;
    expect(request?.model).toBe("one");
    expect(request?.messages.map((message) => message.blocks)).toEqual([[{ kind: "text", text: "hello" }]]);
    expect(request?.system).toContain("/home/ada/shop");
    expect(request?.system).toContain("linux-x64");
  });

  test("makes a row for each tool that the model asks for", async () => {
    const at = world(
      toolAnswer({ name: "shell", input: { command: "ls" } }, { name: "shell", input: { command: "id" } }),
    );
    const view = await call(at);
    expect(view.answer?.openToolCallIds).toHaveLength(2);
    expect([...at.chat.ledger.values()].map((row) => row.state)).toEqual(["requested", "requested"]);
  });

  test("does not ask again for an answer that stands", async () => {
    const at = world(textAnswer("Hi"), textAnswer("Hi again"));
    const runId = at.chat.run?.id ?? "";
    await call(at);
    await at.steps.callModel({ chatId: at.chat.chatId, runId, messageId: "msg_1" }, at.context);
    expect(at.model.requests).toHaveLength(1);
  });

  test("sends the first words at once and later ones together", async () => {
    const gate = Promise.withResolvers<void>();
    const at = world(async function* (): AsyncGenerator<ModelEvent> {
      yield { kind: "block_started", index: 0, block: "text" };
      yield { kind: "delta", index: 0, text: "one" };
      yield { kind: "delta", index: 0, text: " two" };
      yield { kind: "delta", index: 0, text: " three" };
      await gate.promise;
      yield { kind: "block_ended", index: 0 };
      yield { kind: "finish", reason: "stop", usage: USAGE };
    });
    const answering = call(at);
    await settle();
    expect(sentText(at)).toEqual(["one"]);
    await at.clock.advance(LIMITS.deltaMs);
    expect(sentText(at)).toEqual(["one", " two three"]);
    gate.resolve();
    await answering;
  });

  test("stores what has come while the model still writes", async () => {
    const at = world([...textAnswer("half of it").slice(0, 2), "hang"]);
    const answering = call(at).catch((error: unknown) => error);
    await at.clock.advance(LIMITS.deltaStoreMs);
    expect(at.chat.live).toMatchObject([{ messageId: "msg_1", attempt: 1, blockIndex: 0, text: "half of it" }]);
    at.stopping.abort();
    await answering;
  });
});

describe("a run that is cancelled while the model writes", () => {
  test("keeps the text that had come and drops the tool calls", async () => {
    const at = world([
      ...textAnswer("I will ").slice(0, 2),
      { kind: "tool_call_started", index: 1, providerCallId: "toolu_1", name: "shell" },
      { kind: "block_ended", index: 1, input: { command: "ls" } },
      "hang",
    ]);
    const answering = call(at);
    await settle();
    at.chat.requestCancel();
    at.cancelled.abort();
    const view = await answering;
    expect(answerOf(at)).toMatchObject({ state: "interrupted", blocks: [{ kind: "text", text: "I will " }] });
    expect(view.answer?.openToolCallIds).toEqual([]);
  });

  test("is found out from the store, though the signal was lost", async () => {
    const at = world(["hang"]);
    const answering = call(at);
    await settle();
    at.chat.requestCancel();
    await at.clock.advance(LIMITS.ledgerPollMs + LIMITS.deltaStoreMs);
    await answering;
    expect(answerOf(at)?.state).toBe("interrupted");
  });

  test("does not wait for the next attempt", async () => {
    const at = world([overloaded]);
    const answering = call(at);
    await settle();
    at.chat.requestCancel();
    at.cancelled.abort();
    await answering;
    expect(answerOf(at)?.state).toBe("interrupted");
    expect(at.model.requests).toHaveLength(1);
  });

  test("does not ask the model at all when it was cancelled before", async () => {
    const at = world(textAnswer("Hi"));
    at.chat.requestCancel();
    await call(at);
    expect(at.model.requests).toHaveLength(0);
    expect(answerOf(at)?.state).toBe("interrupted");
  });

  test("goes on where a signal comes for a run that nobody cancelled", async () => {
    const gate = Promise.withResolvers<void>();
    const at = world(async function* (): AsyncGenerator<ModelEvent> {
      await gate.promise;
      yield* textAnswer("Hi");
    });
    const answering = call(at);
    at.cancelled.abort();
    await settle();
    gate.resolve();
    await answering;
    expect(answerOf(at)?.state).toBe("complete");
  });
});

describe("an attempt that is no longer the newest", () => {
  test("writes nothing, though its model finishes", async () => {
    const gate = Promise.withResolvers<void>();
    const at = world(async function* (): AsyncGenerator<ModelEvent> {
      await gate.promise;
      yield* textAnswer("from the frozen one");
    }, textAnswer("from the new one"));
    const frozen = call(at);
    await settle();
    const cancelled = new AbortController().signal;
    const stopping = new AbortController().signal;
    const input = { chatId: at.chat.chatId, runId: at.chat.run?.id ?? "", messageId: "msg_1" };
    await at.steps.callModel(input, { cancelled, stopping });
    const { writes } = at.chat;
    gate.resolve();
    await frozen;
    expect(at.chat.writes).toBe(writes);
    expect(answerOf(at)?.blocks).toEqual([{ kind: "text", text: "from the new one" }]);
  });

  test("stops asking as soon as the store tells it", async () => {
    const at = world(["hang"], textAnswer("from the new one"));
    const frozen = call(at);
    await settle();
    const signal = new AbortController().signal;
    const input = { chatId: at.chat.chatId, runId: at.chat.run?.id ?? "", messageId: "msg_1" };
    await at.steps.callModel(input, { cancelled: signal, stopping: signal });
    await at.clock.advance(LIMITS.ledgerPollMs + LIMITS.deltaStoreMs);
    const view = await frozen;
    expect(view.run).toBeUndefined();
  });
});

describe("a process that stops, or a store that is away", () => {
  test("leaves the answer open for whoever goes on, and says so", async () => {
    const at = world(["hang"]);
    const answering = call(at);
    await settle();
    at.stopping.abort();
    await expect(answering).rejects.toMatchObject({ code: "unavailable" });
    expect(answerOf(at)?.state).toBe("open");
    expect(at.chat.notes).toMatchObject([{ stopped: true }]);
  });

  test("leaves what the provider had counted, also where it is killed", async () => {
    const at = world([{ kind: "usage", usage: USAGE }, "hang"]);
    const answering = call(at).catch(() => undefined);
    await at.clock.advance(LIMITS.deltaStoreMs);
    // What a kill would leave.
    expect(at.chat.usages).toEqual(new Map([[1, USAGE]]));
    at.stopping.abort();
    await answering;
    expect(at.chat.notes).toMatchObject([{ usage: USAGE }]);
  });

  test("keeps an answer at hand until the store is back", async () => {
    const at = world(async function* (): AsyncGenerator<ModelEvent> {
      at.chat.away = true;
      yield* textAnswer("dear");
    });
    const answering = call(at);
    await at.clock.advance(LIMITS.persistMs / 4);
    at.chat.away = false;
    await at.clock.advance(LIMITS.persistMs / 4);
    await answering;
    expect(answerOf(at)).toMatchObject({ state: "complete", blocks: [{ kind: "text", text: "dear" }] });
    expect(at.model.requests).toHaveLength(1);
  });

  test("gives the step back when the store stays away", async () => {
    const at = world(async function* (): AsyncGenerator<ModelEvent> {
      at.chat.away = true;
      yield* textAnswer("dear");
    });
    const answering = call(at).catch((error: unknown) => error);
    await at.clock.advance(LIMITS.persistMs * 2);
    expect(await answering).toMatchObject({ code: "unavailable" });
  });
});

describe("a process that stops while the store is away", () => {
  test("gives its answer back as one that is worth repeating: the run must not end for it", async () => {
    const at = world(async function* (): AsyncGenerator<ModelEvent> {
      at.chat.away = true;
      yield* textAnswer("dear");
    });
    const answering = call(at).catch((error: unknown) => error);
    await settle();
    at.stopping.abort();
    expect(await answering).toMatchObject({ name: "ReliantError", code: "unavailable" });
  });
});

describe("how an answer ended", () => {
  test("is said when the model reached the most that it writes", async () => {
    const at = world([...textAnswer("long").slice(0, 3), { kind: "finish", reason: "length", usage: USAGE }]);
    await call(at);
    expect(answerOf(at)).toMatchObject({ state: "complete", error: { code: "resource_exhausted" } });
  });

  test("leaves a call that had not begun when the answer was cut as one that no tool takes", async () => {
    const at = world([
      { kind: "tool_call_started", index: 0, providerCallId: "toolu_0", name: "list_files" },
      { kind: "block_ended", index: 0, input: {} },
      { kind: "finish", reason: "length", usage: USAGE },
    ]);
    await call(at);
    expect([...at.chat.ledger.values()].map(({ input }) => input)).toEqual([""]);
  });

  test("leaves an empty input as it is where the answer came to its own end", async () => {
    const at = world([
      { kind: "tool_call_started", index: 0, providerCallId: "toolu_0", name: "list_files" },
      { kind: "block_ended", index: 0, input: {} },
      { kind: "finish", reason: "tool_calls", usage: USAGE },
    ]);
    await call(at);
    expect([...at.chat.ledger.values()].map(({ input }) => input)).toEqual([{}]);
  });

  test("keeps the usage of an answer that was cancelled", async () => {
    const at = world([{ kind: "usage", usage: USAGE }, "hang"]);
    const answering = call(at);
    await settle();
    at.chat.requestCancel();
    at.cancelled.abort();
    await answering;
    expect(answerOf(at)).toMatchObject({ state: "interrupted", usage: USAGE });
  });

  test("is a failure when the model refused", async () => {
    const at = world([{ kind: "finish", reason: "refusal", usage: USAGE }]);
    await call(at);
    expect(answerOf(at)).toMatchObject({ state: "failed", error: { message: "the model refused to answer" } });
  });
});
