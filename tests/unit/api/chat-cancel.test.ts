import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { ChatApi } from "../../../src/api/chat-service.ts";
import { OutboxRepeater } from "../../../src/api/outbox-repeater.ts";
import type { Run } from "../../../src/chat/message.ts";
import type { ToolCall } from "../../../src/chat/tool-call.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { CancelRunRequestSchema } from "../../../src/gen/reliant/v1/chat_pb.ts";
import type { Chats } from "../../../src/store/chats.ts";
import type { Outbox, OutboxEntry } from "../../../src/store/outbox.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const unused = () => Promise.reject(new Error("not asked here"));
const run: Run = {
  id: "run_1",
  chatId: "chat_1",
  state: "running",
  cancelRequested: true,
  modelCalls: 1,
  startedAtMs: 0,
};
const call = (id: string): ToolCall => ({
  ...{ id, chatId: "chat_1", userId: "usr_1", runId: "run_1", messageId: "msg_1", index: 0, name: "shell", input: {} },
  ...{ state: "running", delivered: false, createdAtMs: 0 },
});

/** An outbox that notes what was done, and an engine and a router that fail where they are told to. */
function world(failing: readonly string[] = []) {
  const done: string[] = [];
  const released: string[] = [];
  const told: string[] = [];
  const waiting: OutboxEntry[] = [];
  const outbox: Outbox = {
    claim: async (_nowMs, limit) => waiting.slice(0, limit),
    done: async (ids) => void done.push(...ids),
    release: async (ids) => void released.push(...ids),
  };
  const chats: Chats = {
    ...{ create: unused, start: unused, get: unused, list: unused, sendMessage: unused, listMessages: unused },
    requestCancel: async () => ({ run, running: [call("call_a"), call("call_b")], outboxId: "out_1" }),
  };
  const tell = async (what: string) => {
    if (failing.includes(what)) throw new Error(`${what} failed`);
    told.push(what);
  };
  const engine = {
    wake: (chatId: string) => tell(`wake ${chatId}`),
    cancel: (chatId: string) => tell(`cancel ${chatId}`),
  };
  const router = { cancelToolCall: ({ id }: { readonly id: string }) => tell(id) };
  const api = new ChatApi({
    store: { chats, outbox, updates: { providerWait: async () => undefined } },
    engine,
    wakes: { wake: () => undefined },
    router,
    checkModel: () => undefined,
    defaultModel: undefined,
  });
  const cancel = () =>
    api.cancelRun({ userId: "usr_1", scope: "api" }, create(CancelRunRequestSchema, { chatId: "chat_1" }));
  return { cancel, told, done, released, waiting, outbox, engine };
}

test("a cancel goes straight to each running call, and to the engine", async () => {
  const { cancel, told, done } = world();
  expect((await cancel()).run?.cancelRequested).toBe(true);
  expect(told.sort()).toEqual(["call_a", "call_b", "cancel chat_1"]);
  expect(done).toEqual(["out_1"]);
});

test("a daemon that cannot be reached holds back neither the other calls nor the engine", async () => {
  const { cancel, told } = world(["call_a"]);
  expect((await cancel()).run?.id).toBe("run_1");
  expect(told.sort()).toEqual(["call_b", "cancel chat_1"]);
});

test("an engine that is away is told later: the row stays in the outbox", async () => {
  const { cancel, done } = world(["cancel chat_1"]);
  expect((await cancel()).run?.id).toBe("run_1");
  expect(done).toEqual([]);
});

describe("what stands in the outbox", () => {
  /** A repeater over an outbox with these chats to wake, oldest first; `engine` refuses the chats that are named. */
  function repeating(chatIds: readonly string[], refused: readonly string[]) {
    const { engine, told } = world(refused.map((chatId) => `wake ${chatId}`));
    const free = new Set(chatIds);
    const held = new Set<string>();
    const outbox: Outbox = {
      claim: async (_nowMs, limit) => {
        const claimed = [...free].filter((id) => !held.has(id)).slice(0, limit);
        for (const id of claimed) held.add(id);
        return claimed.map((id) => ({ id, kind: "wake", chatId: id }));
      },
      done: async (ids) => ids.forEach((id) => void free.delete(id)),
      release: async (ids) => ids.forEach((id) => void held.delete(id)),
    };
    const repeater = new OutboxRepeater({ store: { outbox }, engine, clock: new ManualClock() });
    return { repeater, told, free, held };
  }
  const chats = (count: number, name = "chat") => Array.from({ length: count }, (_, index) => `${name}_${index}`);

  test("is told again; what was told is done, what was refused beside it waits until its claim ends", async () => {
    const { waiting, outbox, engine, told, done, released } = world(["wake chat_2"]);
    waiting.push(
      { id: "out_1", kind: "wake", chatId: "chat_1" },
      { id: "out_2", kind: "wake", chatId: "chat_2" },
      { id: "out_3", kind: "cancel", chatId: "chat_3" },
    );
    const repeater = new OutboxRepeater({ store: { outbox }, engine, clock: new ManualClock() });
    expect(await repeater.once()).toBe(2);
    expect(told).toEqual(["wake chat_1", "cancel chat_3"]);
    expect(done).toEqual(["out_1", "out_3"]);
    expect(released).toEqual([]);
  });

  test("is given back where the engine takes nothing, after two batches", async () => {
    const waiting = chats(LIMITS.outboxBatch * 3);
    const { repeater, told, free, held } = repeating(waiting, waiting);
    expect(await repeater.once()).toBe(0);
    expect([told, free.size, held.size]).toEqual([[], waiting.length, 0]);
  });

  test("is told whole though the oldest are refused for their own sake, a batch of them and more", async () => {
    const poisoned = chats(LIMITS.outboxBatch, "poisoned");
    const { repeater, free, held } = repeating(
      [...poisoned, ...chats(150), "poisoned_last"],
      [...poisoned, "poisoned_last"],
    );
    expect(await repeater.once()).toBe(150);
    expect([...free]).toEqual([...poisoned, "poisoned_last"]);
    expect(await repeater.once()).toBe(0);
    expect(poisoned.every((id) => held.has(id))).toBeTrue();
  });
});

test("the repeater looks again and again until it is stopped, and outlives a store that is away", async () => {
  const { engine } = world();
  const clock = new ManualClock();
  let claims = 0;
  const outbox: Outbox = {
    claim: async () => {
      claims++;
      throw new Error("the database is away");
    },
    done: unused,
    release: unused,
  };
  const repeater = new OutboxRepeater({ store: { outbox }, engine, clock });
  repeater.start();
  await clock.advance(LIMITS.outboxAgeMs * 3);
  expect(claims).toBe(4);
  await repeater.stop();
  await clock.advance(LIMITS.outboxAgeMs * 3);
  expect(claims).toBe(4);
});
