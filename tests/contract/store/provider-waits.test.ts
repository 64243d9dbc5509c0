import { expect, test } from "bun:test";
import { describeOnStores } from "./describe-on-stores.ts";
import { aChat, begin, say, updatesOf } from "./store-verbs.ts";

const USAGE = { inputTokens: 10, outputTokens: 5, cachedInputTokens: 2, reasoningTokens: 1 };

describeOnStores("waits for a provider", (open) => {
  test("a wait for the provider takes a number, and whoever takes over is told of it", async () => {
    await using db = await open();
    const { store, clock } = db;
    const chat = await aChat(store);
    const { run } = await say(store, chat, "hello");
    const { messageId } = await begin(store, run.id);
    const untilMs = clock.now() + 3_600_000;
    const reason = { code: "unavailable", message: "overloaded" };
    const note = { usage: USAGE, error: reason, retryAtMs: untilMs };
    await store.turns.noteAttempt({ messageId, attempt: 1 }, note);
    // Said once, and only by whoever holds the answer.
    await store.turns.noteAttempt({ messageId, attempt: 1 }, note);
    await store.turns.noteAttempt({ messageId, attempt: 7 }, note);
    expect(await begin(store, run.id, messageId)).toMatchObject({ attempt: 2, notBeforeMs: untilMs });
    // And so is the next one, until an attempt has ended otherwise.
    expect(await begin(store, run.id, messageId)).toMatchObject({ attempt: 3, notBeforeMs: untilMs });
    const error = { code: "unavailable", message: "this process stops" };
    await store.turns.noteAttempt({ messageId, attempt: 3 }, { error });
    expect((await begin(store, run.id, messageId)).notBeforeMs).toBeUndefined();
    const events = (await updatesOf(store, chat.id)).map(({ event }) => event);
    const started = { kind: "attempt_started", messageId } as const;
    const waiting = { kind: "provider_waiting", messageId, untilMs, reason } as const;
    expect(events.filter(({ kind }) => kind === "attempt_started" || kind === "provider_waiting")).toEqual([
      ...[
        { ...started, attempt: 1 },
        { ...waiting, attempt: 1 },
      ],
      ...[
        { ...started, attempt: 2 },
        { ...waiting, attempt: 2 },
      ],
      ...[
        { ...started, attempt: 3 },
        { ...waiting, attempt: 3 },
      ],
      { ...started, attempt: 4 },
    ]);
  });

  test("a wait is there for whoever comes in its middle, until the next attempt, its end or the answer's", async () => {
    await using db = await open();
    const { store, clock } = db;
    const chat = await aChat(store);
    const { run } = await say(store, chat, "hello");
    expect(await store.updates.providerWait(chat.id)).toBeUndefined();
    const { messageId } = await begin(store, run.id);
    expect(await store.updates.providerWait(chat.id)).toBeUndefined();
    const reason = { code: "unavailable", message: "overloaded" };
    const untilMs = clock.now() + 60_000;
    await store.turns.noteAttempt({ messageId, attempt: 1 }, { error: reason, retryAtMs: untilMs });
    const wait = { chatId: chat.id, messageId, untilMs, reason };
    expect(await store.updates.providerWait(chat.id)).toEqual({ ...wait, attempt: 1 });
    // Its worker died: whoever takes over waits on.
    await begin(store, run.id, messageId);
    expect(await store.updates.providerWait(chat.id)).toEqual({ ...wait, attempt: 2 });
    // And so did that one, and nobody took over before the time was over.
    clock.advance(61_000);
    expect(await store.updates.providerWait(chat.id)).toBeUndefined();

    const later = { error: reason, retryAtMs: clock.now() + 60_000 };
    await begin(store, run.id, messageId);
    await store.turns.noteAttempt({ messageId, attempt: 3 }, later);
    expect(await store.updates.providerWait(chat.id)).toMatchObject({ attempt: 3 });
    await store.turns.endRun({ runId: run.id, outcome: "cancelled" });
    expect(await store.updates.providerWait(chat.id)).toBeUndefined();
  });

  test("a wait that is over, or that its own writer has waited, holds nobody up", async () => {
    await using db = await open();
    const { store, clock } = db;
    const chat = await aChat(store);
    const { run } = await say(store, chat, "hello");
    const { messageId } = await begin(store, run.id);
    const error = { code: "unavailable", message: "overloaded" };
    await store.turns.noteAttempt({ messageId, attempt: 1 }, { error, retryAtMs: clock.now() - 1000 });
    expect((await begin(store, run.id, messageId)).notBeforeMs).toBeUndefined();
    await store.turns.noteAttempt({ messageId, attempt: 2 }, { error, retryAtMs: clock.now() + 3_600_000 });
    const next = await store.turns.beginAnswer({ runId: run.id, messageId, after: 2 });
    expect(next).toMatchObject({ kind: "begun", attempt: 3 });
    expect(next).not.toHaveProperty("notBeforeMs");
  });
});
