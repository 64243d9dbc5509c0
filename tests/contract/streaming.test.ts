import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { newId } from "../../src/core/ids.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { StreamUserUpdatesResponse } from "../../src/gen/reliant/v1/update_pb.ts";
import { BOUNDS } from "../support/bounds.ts";
import { eventually } from "../support/eventually.ts";
import { type ApiWorld, openApiWorld } from "../unit/api/api-world.ts";

setDefaultTimeout(BOUNDS.readyMs * 2);

type User = Awaited<ReturnType<ApiWorld["signUp"]>>;

/** Two replicas of the API over one store; the second one hears no announcement at all. */
let world: ApiWorld;
let user: User;

beforeAll(async () => {
  world = await openApiWorld({ replicas: 2, defaultModel: "scripted/x" });
  user = await world.signUp();
});
afterAll(() => world[Symbol.asyncDispose]());

function replica(index = 0) {
  const found = world.replicas[index];
  if (found === undefined) throw new Error(`no replica ${index}`);
  return found;
}

/** A client of a replica, that follows one chat from a number on. */
function follow(chatId: string, after = 0, index = 0, token = user.token) {
  const leave = new AbortController();
  const got: StreamUserUpdatesResponse[] = [];
  const request = { afterSequence: -1n, chats: [{ chatId, afterSequence: BigInt(after) }] };
  const read = async () => {
    for await (const item of replica(index).updates(token).streamUserUpdates(request, { signal: leave.signal }))
      got.push(item);
  };
  return {
    numbers: () => got.flatMap(({ update }) => (update.case === "chat" ? [Number(update.value.sequence)] : [])),
    kinds: () => got.flatMap(({ update }) => (update.case === "chat" ? [update.value.event.case] : [])),
    text: () => got.map(({ update }) => (update.case === "delta" ? update.value.text : "")).join(""),
    leave: () => leave.abort(),
    ended: read().then(
      () => "ended",
      (error: unknown) => ConnectError.from(error).code,
    ),
  };
}

async function newChat() {
  const chats = replica().chats(user.token);
  const { chat } = await chats.createChat({ title: "t" });
  const chatId = chat?.id ?? "";
  return {
    chatId,
    say: (text: string) => chats.sendMessage({ chatId, blocks: [{ content: { case: "text", value: { text } } }] }),
  };
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const lastNumber = async (chatId: string) => (await world.store.chats.get(user.userId, chatId)).sequence;

describe("a client sees every number once and in order:", () => {
  test("what was, then what comes", async () => {
    const { chatId, say } = await newChat();
    await say("one");
    const client = follow(chatId);
    await eventually("the first message", () => client.kinds().includes("message"));
    await say("two");
    const last = await lastNumber(chatId);
    await eventually("the last number", () => client.numbers().at(-1) === last);
    expect(client.numbers()).toEqual(upTo(last));
    client.leave();
    expect(await client.ended).toBe(Code.Canceled);
  });

  test("a client that comes again goes on behind its number, on another replica", async () => {
    const { chatId, say } = await newChat();
    await say("one");
    const before = await lastNumber(chatId);
    await say("two");
    const client = follow(chatId, before, 1);
    const last = await lastNumber(chatId);
    await eventually("the last number", () => client.numbers().at(-1) === last);
    expect(client.numbers()).toEqual(upTo(last, before + 1));
    client.leave();
  });

  test("a replica that heard no announcement finds it by its poll", async () => {
    const { chatId, say } = await newChat();
    const client = follow(chatId, 0, 1);
    await say("one");
    const last = await lastNumber(chatId);
    await eventually("the last number", async () => {
      await replica(1).poller.once();
      return client.numbers().at(-1) === last;
    });
    expect(client.numbers()).toEqual(upTo(last));
    client.leave();
  });

  test("twenty clients and twenty messages at once", async () => {
    const { chatId, say } = await newChat();
    const clients = Array.from({ length: 20 }, () => follow(chatId));
    await Promise.all(upTo(20).map((number) => say(String(number))));
    const last = await lastNumber(chatId);
    for (const client of clients) {
      await eventually("the last number", () => client.numbers().at(-1) === last);
      expect(client.numbers()).toEqual(upTo(last));
      client.leave();
    }
  });
});

describe("an answer that is being written", () => {
  /** An answer under way, whose writer publishes and stores as it likes. */
  async function answer() {
    const { chatId, say } = await newChat();
    const { run } = await say("write");
    const messageId = newId("msg");
    const begun = await world.store.turns.beginAnswer({ runId: run?.id ?? "", messageId });
    if (begun.kind !== "begun") throw new Error("the answer did not begin");
    const { attempt } = begun;
    const block = { chatId, messageId, attempt, blockIndex: 0, blockKind: "text" } as const;
    let text = "";
    return {
      chatId,
      write(piece: string) {
        const delta = { ...block, offset: Buffer.byteLength(text), text: piece };
        text += piece;
        replica().hub.publish({ kind: "delta", userId: user.userId, delta });
      },
      store: () => world.store.turns.saveLiveBlocks({ messageId, attempt }, [{ ...block, text }]),
      finish: () =>
        world.store.turns.completeAnswer(
          { messageId, attempt },
          { state: "complete", blocks: [{ kind: "text", text }] },
        ),
    };
  }

  test("is seen from its beginning by one who joins in the middle, and then stands", async () => {
    const writing = await answer();
    writing.write("Über ");
    await writing.store();
    writing.write("allen ");
    const client = follow(writing.chatId);
    await eventually("what is stored", () => client.text() === "Über ");
    writing.write("Gipfeln");
    await writing.store();
    await eventually("all of it", () => client.text() === "Über allen Gipfeln");
    await writing.finish();
    const last = await lastNumber(writing.chatId);
    await eventually("the last number", () => client.numbers().at(-1) === last);
    expect(client.numbers()).toEqual(upTo(last));
    expect(client.kinds()).toContain("attemptStarted");
    client.leave();
  });

  test("comes as server-sent events too, and goes on from the last id", async () => {
    const writing = await answer();
    const headers = { authorization: `Bearer ${user.token}` };
    const events = async (query: string, until: string, extra: Record<string, string> = {}) => {
      const leave = new AbortController();
      const response = await fetch(`${replica().url}/api/v2/updates?${query}`, {
        headers: { ...headers, ...extra },
        signal: leave.signal,
      });
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      let text = "";
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk, { stream: true });
        if (text.includes(until) && text.endsWith("\n\n")) break;
      }
      leave.abort();
      return text;
    };
    const first = await events(`chat=${writing.chatId}`, '"attemptStarted"');
    const id = [...first.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? "";
    expect(id).toContain(`chat=${writing.chatId}:`);
    expect(first).toContain("event: chat\ndata: {");
    await writing.finish();
    const rest = await events("", "MESSAGE_STATE_COMPLETE", { "last-event-id": id });
    expect(rest).not.toContain("attemptStarted");
  });

  test("is refused as an event stream with the status of the error", async () => {
    const { chatId } = await newChat();
    const other = await world.signUp();
    const response = await fetch(`${replica().url}/api/v2/updates?chat=${chatId}`, {
      headers: { authorization: `Bearer ${other.token}` },
    });
    expect(response.status).toBe(404);
  });
});

test("a user sees every number once and in order, and a chat that changed often with its state at its last number", async () => {
  const other = await world.signUp();
  const chats = replica().chats(other.token);
  const text = { content: { case: "text" as const, value: { text: "hello" } } };
  const busy = (await chats.createChat({ title: "busy" })).chat?.id ?? "";
  const quiet = (await chats.createChat({ title: "quiet" })).chat?.id ?? "";
  await chats.sendMessage({ chatId: busy, blocks: [text] });
  const { users } = await world.store.updates.lastSequences({ userIds: [other.userId], chatIds: [] });
  const last = users.get(other.userId) ?? 0;
  const leave = new AbortController();
  const seen: (readonly [number, string])[] = [];
  const request = { afterSequence: 0n, chats: [] };
  for await (const { update } of replica().updates(other.token).streamUserUpdates(request, { signal: leave.signal })) {
    if (update.case !== "user") continue;
    const { sequence, event } = update.value;
    seen.push([Number(sequence), event.case === "chatChanged" ? event.value.id : ""]);
    if (Number(sequence) === last) break;
  }
  expect(last).toBeGreaterThan(2);
  expect(seen.map(([sequence]) => sequence)).toEqual(upTo(last));
  expect(seen.filter(([, chatId]) => chatId === busy)).toHaveLength(1);
  expect(seen.filter(([, chatId]) => chatId === quiet)).toHaveLength(1);
});

describe("a stream is refused", () => {
  test("for a chat of another user", async () => {
    const { chatId } = await newChat();
    const other = await world.signUp();
    expect(await follow(chatId, 0, 0, other.token).ended).toBe(Code.NotFound);
  });

  test("for a number that the chat does not have yet", async () => {
    const { chatId } = await newChat();
    expect(await follow(chatId, 1_000_000).ended).toBe(Code.InvalidArgument);
  });

  test("beyond the bound of one user, until one is closed", async () => {
    const { chatId, say } = await newChat();
    await say("one");
    const clients = Array.from({ length: LIMITS.streamsPerUser }, () => follow(chatId));
    for (const client of clients) await eventually("the first number", () => client.numbers().length > 0);
    expect(await follow(chatId).ended).toBe(Code.ResourceExhausted);
    for (const client of clients) client.leave();
    await Promise.all(clients.map((client) => client.ended));
    const again = await eventually("room for one more", async () => {
      const client = follow(chatId);
      const seen = await Promise.race([
        client.ended,
        eventually("the first number", () => client.numbers().length > 0).catch(() => Code.ResourceExhausted),
      ]);
      return seen === Code.ResourceExhausted ? undefined : client;
    });
    again.leave();
  });
});

test("a replica that stops ends its streams with unavailable: clients go on elsewhere", async () => {
  const { chatId, say } = await newChat();
  await say("one");
  const client = follow(chatId, 0, 1);
  await eventually("the first number", () => client.numbers().length > 0);
  replica(1).streaming.stop();
  expect(await client.ended).toBe(Code.Unavailable);
});
