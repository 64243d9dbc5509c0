import { afterEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type StreamItem, UserStream } from "../../../src/api/user-stream.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";
import { follow, leaveAll, leaving } from "./follow.ts";
import { StreamedChat } from "./streamed-chat.ts";

afterEach(leaveAll);

const numbers = (items: readonly StreamItem[]) =>
  items.flatMap((item) => (item.kind === "update" ? [item.update.sequence] : []));

/** What a client shows: the text since the last attempt. Fails on a byte that is doubled or missing. */
function shown(items: readonly StreamItem[]): string {
  let text = "";
  for (const item of items) {
    if (item.kind === "update" && item.update.event.kind === "attempt_started") text = "";
    if (item.kind !== "delta") continue;
    expect(item.delta.offset).toBe(Buffer.byteLength(text));
    text += item.delta.text;
  }
  return text;
}

describe("a stream", () => {
  test("begins behind the client's number and follows", async () => {
    const chat = new StreamedChat();
    for (let turn = 0; turn < 3; turn++) chat.beginAttempt();
    const { got } = follow(chat, new ManualClock(), 1);
    await settle();
    expect(numbers(got)).toEqual([2, 3]);
    chat.beginAttempt();
    await settle();
    expect(numbers(got)).toEqual([2, 3, 4]);
  });

  test("tells of a wait for the provider that began before the client came, once", async () => {
    const chat = new StreamedChat();
    chat.beginAttempt();
    chat.waitForProvider();
    const kinds = (items: readonly StreamItem[]) =>
      items.flatMap((item) =>
        item.kind === "update" ? [item.update.event.kind] : item.kind === "wait" ? ["wait"] : [],
      );
    const clock = new ManualClock();
    const [early, behind, late] = [follow(chat, clock, 0), follow(chat, clock, 1), follow(chat, clock, 2)];
    await settle();
    expect(kinds(early.got)).toEqual(["attempt_started", "provider_waiting"]);
    expect(kinds(behind.got)).toEqual(["provider_waiting"]);
    expect(kinds(late.got)).toEqual(["wait"]);
    expect(late.got.flatMap((item) => (item.kind === "wait" ? [item.wait] : []))[0]).toEqual(chat.wait);
    chat.beginAttempt();
    chat.waitForProvider();
    late.stream.onChatSequence("c", 4);
    await clock.advance(LIMITS.outputRefillMs + LIMITS.deltaStoreMs);
    expect(kinds(late.got)).toEqual(["wait", "attempt_started", "provider_waiting"]);
  });

  test("reads more than one page", async () => {
    const chat = new StreamedChat();
    for (let turn = 0; turn < LIMITS.updatePage * 2 + 1; turn++) chat.beginAttempt();
    const { got } = follow(chat, new ManualClock());
    await settle();
    expect(numbers(got)).toEqual(chat.updates.map((update) => update.sequence));
  });

  test("subscribes before it reads, and leaves the hub when its client leaves", async () => {
    const chat = new StreamedChat();
    const client = follow(chat, new ManualClock());
    await settle();
    expect(chat.subscriptions).toBe(1);
    client.leave();
    expect(await client.ended).toBeUndefined();
    expect(chat.subscriptions).toBe(0);
  });

  test("goes on by the poll while its hub is away", async () => {
    const chat = new StreamedChat();
    chat.beginAttempt();
    const hub = {
      subscribe: () => ({ ready: Promise.reject(new ReliantError("unavailable", "away")), close: () => undefined }),
    };
    const stream = new UserStream(
      { store: chat.store, hub, clock: new ManualClock(), mayGoOn: async () => undefined },
      { userId: "u", afterUserSequence: 0, chats: [{ chatId: "c", afterSequence: 0 }] },
    );
    const leave = new AbortController();
    leaving.add(leave);
    const items = stream.items(leave.signal);
    expect((await items.next()).value).toEqual({ kind: "keep_alive" });
    const first = await items.next();
    chat.beginAttempt(false);
    stream.onChatSequence("c", 2);
    const second = await items.next();
    expect(numbers([first.value ?? [], second.value ?? []].flat())).toEqual([1, 2]);
  });

  test("finds a number whose announcement was lost when the poll tells of it", async () => {
    const chat = new StreamedChat();
    const { got, stream } = follow(chat, new ManualClock());
    await settle();
    chat.beginAttempt(false);
    await settle();
    expect(numbers(got)).toEqual([]);
    stream.onChatSequence("c", 1);
    await settle();
    expect(numbers(got)).toEqual([1]);
  });

  test("shows what is stored of a block, then goes on live", async () => {
    const chat = new StreamedChat();
    chat.beginAttempt();
    chat.write("Grüß ");
    chat.storeText();
    chat.write("Gott", false);
    const clock = new ManualClock();
    const { got } = follow(chat, clock);
    await settle();
    expect(shown(got)).toBe("Grüß ");
    chat.write(", Welt");
    await settle();
    expect(shown(got)).toBe("Grüß ");
    chat.storeText();
    await clock.advance(LIMITS.deltaStoreMs);
    expect(shown(got)).toBe("Grüß Gott, Welt");
  });

  test("shows what was live before it came, and was stored only behind its first look", async () => {
    const chat = new StreamedChat();
    chat.beginAttempt();
    chat.write("No more for a while", false);
    const clock = new ManualClock();
    const { got } = follow(chat, clock);
    await settle();
    expect(shown(got)).toBe("");
    chat.storeText();
    await clock.advance(LIMITS.outputRefillMs + LIMITS.deltaStoreMs);
    await settle();
    expect(shown(got)).toBe("No more for a while");
  });

  test("says that it is alive, at once and then at its pace, and asks whether its client may go on, while much is sent too", async () => {
    const clock = new ManualClock();
    const chat = new StreamedChat();
    let revoked = false;
    const client = follow(chat, clock, 0, async () => {
      if (revoked) throw new ReliantError("unauthenticated", "the token was revoked");
    });
    await settle();
    expect(client.got.map((item) => item.kind)).toEqual(["keep_alive"]);
    await clock.advance(LIMITS.keepAliveMs);
    expect(client.got.map((item) => item.kind)).toEqual(["keep_alive", "keep_alive"]);
    revoked = true;
    for (let step = 0; step < 16; step++) {
      chat.beginAttempt();
      await clock.advance(LIMITS.keepAliveMs / 15);
    }
    expect(await client.ended).toMatchObject({ code: "unauthenticated" });
    expect(chat.subscriptions).toBe(0);
  });

  test("tells what happens in its chats before what changed elsewhere, and which of those a later one stands for", async () => {
    const chat = new StreamedChat();
    const changed = [
      { kind: "chat_changed", chatId: "c" },
      { kind: "daemon_changed", daemonId: "d" },
      { kind: "chat_changed", chatId: "c" },
      { kind: "chat_changed", chatId: "other" },
    ] as const;
    chat.userUpdates.push(...changed.map((event, index) => ({ userId: "u", sequence: index + 1, event })));
    chat.beginAttempt();
    const { got } = follow(chat, new ManualClock());
    await settle();
    const told = got.map((item) => {
      if (item.kind === "update") return `chat ${item.update.sequence}`;
      return item.kind === "user" ? `user ${item.update.sequence}${item.isSuperseded ? " superseded" : ""}` : item.kind;
    });
    expect(told).toEqual(["keep_alive", "chat 1", "user 1 superseded", "user 2", "user 3", "user 4"]);
  });

  test("passes on what comes in its chats while it tells what changed elsewhere", async () => {
    const chat = new StreamedChat();
    for (let sequence = 1; sequence <= 3; sequence++) {
      chat.userUpdates.push({ userId: "u", sequence, event: { kind: "chat_changed", chatId: `chat ${sequence}` } });
    }
    const stream = new UserStream(
      { store: chat.store, hub: chat, clock: new ManualClock(), mayGoOn: async () => undefined },
      { userId: "u", afterUserSequence: 0, chats: [{ chatId: "c", afterSequence: 0 }] },
    );
    const leave = new AbortController();
    leaving.add(leave);
    const items = stream.items(leave.signal);
    const kinds: (string | undefined)[] = [];
    for (let taken = 0; taken < 5; taken++) {
      kinds.push((await items.next()).value?.kind);
      if (taken === 1) chat.beginAttempt();
    }
    expect(kinds).toEqual(["keep_alive", "user", "update", "user", "user"]);
    leave.abort();
    await items.return(undefined);
  });

  test("that somebody else keeps alive says so once, sets no timer while nothing happens, and goes on with what comes", async () => {
    const clock = new ManualClock();
    const chat = new StreamedChat();
    const stream = new UserStream(
      { store: chat.store, hub: chat, clock, mayGoOn: async () => undefined, isKeptAlive: true },
      { userId: "u", afterUserSequence: 0, chats: [{ chatId: "c", afterSequence: 0 }] },
    );
    const leave = new AbortController();
    leaving.add(leave);
    const got: StreamItem[] = [];
    const reading = (async () => {
      for await (const item of stream.items(leave.signal)) got.push(item);
    })();
    await clock.advance(LIMITS.keepAliveMs * 10);
    expect(got.map((item) => item.kind)).toEqual(["keep_alive"]);
    chat.beginAttempt();
    await settle();
    expect(numbers(got)).toEqual([1]);
    leave.abort();
    await reading;
    expect(chat.subscriptions).toBe(0);
  });

  test("ends within 5 s of the end of its token, with the time for which an answer is believed", async () => {
    const clock = new ManualClock();
    const client = follow(new StreamedChat(), clock, 0, async () => {
      throw new ReliantError("unauthenticated", "the token was revoked");
    });
    await clock.advance(5_000 - LIMITS.tokenCheckMs);
    expect(await Promise.race([client.ended, settle().then(() => "goes on")])).toMatchObject({
      code: "unauthenticated",
    });
  });

  test("ends with its token also while much of the past is being read, however slowly", async () => {
    const clock = new ManualClock();
    const chat = new StreamedChat();
    for (let sequence = 1; sequence <= 100; sequence++) {
      chat.userUpdates.push({ userId: "u", sequence, event: { kind: "chat_changed", chatId: `chat ${sequence}` } });
    }
    const mayGoOn = async () => {
      throw new ReliantError("unauthenticated", "the token was revoked");
    };
    const stream = new UserStream(
      { store: chat.store, hub: chat, clock, mayGoOn },
      { userId: "u", afterUserSequence: 0, chats: [{ chatId: "c", afterSequence: 0 }] },
    );
    let read = 0;
    const reading = (async () => {
      for await (const _ of stream.items(new AbortController().signal)) {
        read++;
        await clock.advance(LIMITS.streamTokenCheckMs / 5);
        await settle();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "unauthenticated" });
    expect(read).toBeLessThan(10);
  });

  test("of a client that goes away in the middle of an item asks for its token no more", async () => {
    const chat = new StreamedChat();
    const clock = new ManualClock();
    let asked = 0;
    const mayGoOn = async () => {
      asked++;
      return undefined;
    };
    const stream = new UserStream(
      { store: chat.store, hub: chat, clock, mayGoOn },
      { userId: "u", afterUserSequence: 0, chats: [] },
    );
    const leave = new AbortController();
    const items = stream.items(leave.signal);
    expect((await items.next()).value).toEqual({ kind: "keep_alive" });
    await clock.advance(LIMITS.streamTokenCheckMs);
    await settle();
    expect(asked).toBe(1);
    leave.abort();
    await clock.advance(3 * LIMITS.streamTokenCheckMs);
    await settle();
    expect(asked).toBe(1);
    await items.return(undefined);
  });

  test("of a client that does not read costs the publisher nothing, and brings it the whole text later", async () => {
    const chat = new StreamedChat();
    chat.beginAttempt();
    const clock = new ManualClock();
    const stream = new UserStream(
      { store: chat.store, hub: chat, clock, mayGoOn: async () => undefined },
      { userId: "u", afterUserSequence: 0, chats: [{ chatId: "c", afterSequence: 0 }] },
    );
    const leave = new AbortController();
    leaving.add(leave);
    const items = stream.items(leave.signal);
    const got: StreamItem[] = [];
    const first = await items.next();
    if (first.value) got.push(first.value);
    for (let word = 0; word < LIMITS.subscriberQueue * 3; word++) chat.write(`${word} `);
    chat.storeText();
    const reading = (async () => {
      for await (const item of items) got.push(item);
    })();
    await clock.advance(LIMITS.deltaStoreMs * 2);
    expect(shown(got)).toBe(chat.text);
    leave.abort();
    await reading;
  });
});

type Step =
  | { readonly kind: "write"; readonly text: string; readonly carried: boolean }
  | { readonly kind: "store" | "lose" | "pass_time" | "let_run" }
  | { readonly kind: "attempt"; readonly announced: boolean };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("write" as const),
        text: fc.string({ unit: "grapheme", minLength: 1, maxLength: 5 }),
        carried: fc.boolean(),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("store", "lose", "pass_time", "let_run") }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("attempt" as const), announced: fc.boolean() }) },
  ),
  { maxLength: 40 },
);

test("whatever is lost and whenever a client joins, its numbers have no gap and no double, and its text is the store's", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat({ max: 40 }), async (all, joinsAt) => {
      const chat = new StreamedChat();
      const clock = new ManualClock();
      chat.beginAttempt();
      let client: ReturnType<typeof follow> | undefined;
      for (const [index, step] of all.entries()) {
        if (index === joinsAt) client = follow(chat, clock);
        if (step.kind === "write") chat.write(step.text, step.carried);
        if (step.kind === "store") chat.storeText();
        if (step.kind === "lose") chat.lose();
        if (step.kind === "attempt") chat.beginAttempt(step.announced);
        if (step.kind === "pass_time") await clock.advance(LIMITS.deltaStoreMs);
        if (step.kind === "let_run") await settle();
      }
      client ??= follow(chat, clock);
      await settle();
      // What always comes in the end: the text is stored, the replica polls, and the next piece shows where the text is.
      chat.storeText();
      client.stream.onChatSequence("c", chat.updates.length);
      chat.write("!");
      chat.storeText();
      await clock.advance(LIMITS.deltaStoreMs * 2);
      client.leave();
      await client.ended;
      expect(numbers(client.got)).toEqual(chat.updates.map((update) => update.sequence));
      expect(shown(client.got)).toBe(chat.text);
    }),
    { numRuns: 150 },
  );
}, 60_000);
