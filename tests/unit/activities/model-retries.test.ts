import { describe, expect, test } from "bun:test";
import { createActivities } from "../../../src/activities/activities.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { ModelError, type ModelEvent } from "../../../src/models/model-provider.ts";
import { textAnswer, toolAnswer, USAGE } from "../../support/fake-model.ts";
import { settle } from "../../support/manual-clock.ts";
import { answerOf, call, world } from "./model-world.ts";

const denied = new ModelError("the key is wrong", { retryable: false, code: "unauthenticated" });
const overloaded = new ModelError("the provider is overloaded", { retryable: true });

describe("a model that fails", () => {
  test("is asked again after a wait, each attempt noted", async () => {
    const at = world([overloaded], textAnswer("Hi"));
    const answering = call(at);
    await at.clock.advance(LIMITS.modelRetryMaxMs);
    await answering;
    expect(at.model.requests.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(at.chat.notes).toEqual([
      {
        fence: { messageId: "msg_1", attempt: 1 },
        retryAtMs: expect.any(Number),
        error: { code: "provider_failed", message: "the provider is overloaded" },
      },
    ]);
    expect(answerOf(at)?.blocks).toEqual([{ kind: "text", text: "Hi" }]);
  });

  test("is asked at the time that whoever watches was told", async () => {
    const at = world([new ModelError("rate limit", { retryable: true, retryAfterMs: 20_000 })], textAnswer("Hi"));
    const now = at.clock.now();
    const answering = call(at);
    await settle();
    expect(at.chat.notes.map(({ retryAtMs }) => retryAtMs)).toEqual([now + 20_000]);
    await at.clock.advance(20_000);
    await answering;
  });

  test("is asked no sooner though the store is away when it fails", async () => {
    const retryAfterMs = 20_000;
    const at = world(async function* (): AsyncGenerator<ModelEvent> {
      yield { kind: "usage", usage: USAGE };
      at.chat.away = true;
      throw new ModelError("rate limit", { retryable: true, retryAfterMs });
    }, textAnswer("Hi"));
    const answering = call(at);
    await at.clock.advance(5000);
    at.chat.away = false;
    await at.clock.advance(14_999);
    expect(at.model.requests).toHaveLength(1);
    await at.clock.advance(LIMITS.startRetryMaxMs);
    await answering;
    expect(at.model.requests).toHaveLength(2);
    expect(at.chat.notes).toMatchObject([{ usage: USAGE, error: { message: "rate limit" } }]);
  });

  test("loses no attempt to a store that goes away before it was asked", async () => {
    const at = world(textAnswer("Hi"));
    let looks = 0;
    const chooseDaemon = async () => {
      looks++;
      if (looks < 3) throw new ReliantError("unavailable", "find daemon: the store is away");
      return undefined;
    };
    const input = { chatId: at.chat.chatId, runId: at.chat.run?.id ?? "", messageId: "msg_1" };
    const answering = createActivities({ ...at.deps, chooseDaemon }).callModel(input, at.context);
    await at.clock.advance(2 * LIMITS.startRetryMaxMs);
    await answering;
    expect(at.chat.attempts.get("msg_1")).toBe(1);
    expect(answerOf(at)?.blocks).toEqual([{ kind: "text", text: "Hi" }]);
  });

  test("leaves each attempt's usage, as far as it was told", async () => {
    const started: ModelEvent = { kind: "usage", usage: { ...USAGE, outputTokens: 1 } };
    const at = world([started, overloaded], [overloaded], [started, { ...started, usage: USAGE }, denied]);
    const answering = call(at);
    await at.clock.advance(LIMITS.modelRetryMaxMs);
    await answering;
    expect(at.chat.notes.map(({ usage }) => usage)).toEqual([{ ...USAGE, outputTokens: 1 }, undefined]);
    expect(answerOf(at)).toMatchObject({ state: "failed", usage: USAGE });
  });

  test("is not asked before the time that it named", async () => {
    const retryAfterMs = 20_000;
    const at = world([new ModelError("rate limit", { retryable: true, retryAfterMs })], textAnswer("Hi"));
    const answering = call(at);
    await at.clock.advance(retryAfterMs - 1);
    expect(at.model.requests).toHaveLength(1);
    await at.clock.advance(1);
    await answering;
    expect(at.model.requests).toHaveLength(2);
  });

  test("is not asked again and again without a pause, though it names a time that has come", async () => {
    const at = world([new ModelError("rate limit", { retryable: true, retryAfterMs: 0 })]);
    const answering = call(at);
    await at.clock.advance(LIMITS.modelRetryBaseMs / 2 - 1);
    expect(at.model.requests).toHaveLength(1);
    await at.clock.advance(3 * LIMITS.modelRetryBaseMs);
    expect(at.model.requests.length).toBeLessThan(LIMITS.modelAttempts);
    await at.clock.advance(LIMITS.modelAttempts * LIMITS.modelRetryMaxMs);
    await answering;
    expect(at.model.requests).toHaveLength(LIMITS.modelAttempts);
  });

  test("is given up at once when it names a time that is too long to wait", async () => {
    const retryAfterMs = LIMITS.modelRetryMaxMs + 1000;
    const at = world([new ModelError("quota used up", { retryable: true, retryAfterMs })]);
    await call(at);
    expect(answerOf(at)).toMatchObject({
      state: "failed",
      error: { code: "provider_failed", message: "quota used up (the provider asks to wait 61 s)" },
    });
  });

  test("is given up after as many attempts as are allowed, and the answer says why", async () => {
    const at = world([overloaded]);
    const answering = call(at);
    await at.clock.advance(LIMITS.modelAttempts * LIMITS.modelRetryMaxMs);
    await answering;
    expect(at.model.requests).toHaveLength(LIMITS.modelAttempts);
    expect(answerOf(at)).toMatchObject({
      state: "failed",
      error: { code: "provider_failed", message: "the provider is overloaded (asked 5 times)" },
    });
  });

  test("is not asked again where that cannot help", async () => {
    const at = world([denied]);
    await call(at);
    expect(at.model.requests).toHaveLength(1);
    expect(answerOf(at)).toMatchObject({
      state: "failed",
      error: { code: "unauthenticated", message: "the key is wrong" },
    });
  });

  test("is asked again when its answer breaks off in the middle, and only the whole answer stays", async () => {
    const at = world(textAnswer("Hal", "f").slice(0, 2), textAnswer("Whole"));
    const answering = call(at);
    await at.clock.advance(LIMITS.modelRetryMaxMs);
    await answering;
    expect(answerOf(at)?.blocks).toEqual([{ kind: "text", text: "Whole" }]);
  });

  test("is asked again when its answer breaks off behind a whole tool call, which never comes to be one", async () => {
    const begun = toolAnswer({ name: "shell", input: { command: "touch must-not-be-there" } }).slice(0, -1);
    const at = world([...begun, overloaded], begun, textAnswer("Whole"));
    const answering = call(at);
    await at.clock.advance(2 * LIMITS.modelRetryMaxMs);
    await answering;
    expect(at.model.requests).toHaveLength(3);
    expect([...at.chat.ledger.values()]).toEqual([]);
    expect(answerOf(at)?.blocks).toEqual([{ kind: "text", text: "Whole" }]);
  });

  test("may think without a word for as long as its provider hears that it lives", async () => {
    const at = world(async function* (signal): AsyncGenerator<ModelEvent> {
      await at.clock.sleep(LIMITS.modelSilenceMs * 3, signal);
      yield* textAnswer("Hi");
    });
    const answering = call(at);
    await at.clock.advance(LIMITS.modelSilenceMs * 3);
    await answering;
    expect(answerOf(at)?.state).toBe("complete");
    expect(at.chat.notes).toEqual([]);
  });

  test("is ended when its answer takes too long, though it never falls silent", async () => {
    const at = world(async function* (signal): AsyncGenerator<ModelEvent> {
      yield { kind: "block_started", index: 0, block: "text" };
      while (!signal.aborted) {
        await at.clock.sleep(LIMITS.modelSilenceMs / 2, signal);
        yield { kind: "delta", index: 0, text: "." };
      }
    });
    const answering = call(at);
    await at.clock.advance(LIMITS.modelCallMs);
    await answering;
    expect(answerOf(at)).toMatchObject({
      state: "failed",
      error: { code: "deadline_exceeded", message: expect.stringMatching(/within 900 s: ask for less/) },
    });
  });

  test("fails the answer where nobody knows the model", async () => {
    const at = world();
    const deps = {
      ...at.deps,
      models: {
        resolve: () => {
          throw new ModelError("no provider fake", { retryable: false, code: "invalid_argument" });
        },
      },
    };
    const input = { chatId: at.chat.chatId, runId: at.chat.run?.id ?? "", messageId: "msg_1" };
    await createActivities(deps).callModel(input, at.context);
    expect(answerOf(at)).toMatchObject({ state: "failed", error: { code: "invalid_argument" } });
  });
});

describe("an attempt that takes over from one that waited", () => {
  const patient = new ModelError("rate limit", { retryable: true, retryAfterMs: 20_000 });

  async function takenOver() {
    const at = world([patient], textAnswer("Hi"));
    const first = call(at).catch((error: unknown) => error);
    await at.clock.advance(5000);
    at.stopping.abort();
    expect(await first).toMatchObject({ code: "unavailable" });
    const cancelled = new AbortController();
    const input = { chatId: at.chat.chatId, runId: at.chat.run?.id ?? "", messageId: "msg_1" };
    const context = { cancelled: cancelled.signal, stopping: new AbortController().signal };
    return { at, cancelled, second: at.steps.callModel(input, context) };
  }

  test("waits on, and asks at the time that the provider named", async () => {
    const { at, second } = await takenOver();
    await at.clock.advance(14_999);
    expect(at.model.requests).toHaveLength(1);
    await at.clock.advance(1);
    await second;
    expect(at.model.requests).toHaveLength(2);
    expect(answerOf(at)?.blocks).toEqual([{ kind: "text", text: "Hi" }]);
  });

  test("does not count where its own process stops before it has asked", async () => {
    const at = world([patient], textAnswer("Hi"));
    at.chat.notes.push({ fence: { messageId: "msg_1", attempt: 1 }, error: patient, retryAtMs: 90_000_000 });
    at.chat.attempts.set("msg_1", 1);
    const waiting = call(at).catch((error: unknown) => error);
    await settle();
    at.stopping.abort();
    expect(await waiting).toMatchObject({ code: "unavailable" });
    expect(at.chat.notes.at(-1)).toMatchObject({ fence: { attempt: 2 }, stopped: true });
    expect(at.model.requests).toHaveLength(0);
  });

  test("is ended by a cancel at once", async () => {
    const { at, cancelled, second } = await takenOver();
    await settle();
    at.chat.requestCancel();
    cancelled.abort();
    await second;
    expect(answerOf(at)?.state).toBe("interrupted");
    expect(at.model.requests).toHaveLength(1);
  });
});

describe("an attempt that waits before it asks again", () => {
  test("takes nothing from the attempt that took over meanwhile", async () => {
    const at = world([overloaded], ["hang"], textAnswer("stolen"));
    const frozen = call(at);
    await settle();
    const signal = new AbortController().signal;
    const input = { chatId: at.chat.chatId, runId: at.chat.run?.id ?? "", messageId: "msg_1" };
    const taken = at.steps.callModel(input, { cancelled: signal, stopping: signal });
    await settle();
    expect(at.chat.attempts.get("msg_1")).toBe(2);
    // Less than the slow poll: it has not heard from the store that it is superseded.
    await at.clock.advance(LIMITS.modelRetryBaseMs);
    await frozen;
    expect(at.chat.attempts.get("msg_1")).toBe(2);
    at.chat.requestCancel();
    await at.clock.advance(LIMITS.ledgerPollMs + LIMITS.deltaStoreMs);
    await taken;
    expect(at.model.requests).toHaveLength(2);
  });
});
