import { describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { StreamRecord } from "../../../src/chaos/stream-record.ts";
import { type Message, MessageSchema, MessageState, Role, RunState } from "../../../src/gen/reliant/v1/chat_pb.ts";
import {
  BlockDelta_Kind as DeltaKind,
  type StreamUserUpdatesResponse,
  StreamUserUpdatesResponseSchema,
} from "../../../src/gen/reliant/v1/update_pb.ts";

type Event = NonNullable<MessageInitShape<typeof StreamUserUpdatesResponseSchema>["update"]>;

function response(update: Event): StreamUserUpdatesResponse {
  return create(StreamUserUpdatesResponseSchema, { update });
}

function answer(text: string, id = "msg_1"): Message {
  const blocks = [{ content: { case: "text" as const, value: { text } } }];
  return create(MessageSchema, { id, position: 1n, role: Role.ASSISTANT, state: MessageState.COMPLETE, blocks });
}

const message = (sequence: bigint, value: Message, chatId = "chat_1") =>
  response({ case: "chat", value: { chatId, sequence, event: { case: "message", value } } });
const ended = (sequence: bigint, state: RunState) =>
  response({
    case: "chat",
    value: { chatId: "chat_1", sequence, event: { case: "run", value: { id: "run_1", state } } },
  });
const attempt = (sequence: bigint, number: number) =>
  response({
    case: "chat",
    value: {
      chatId: "chat_1",
      sequence,
      event: { case: "attemptStarted", value: { messageId: "msg_1", attempt: number } },
    },
  });
const delta = (offset: number, text: string, number = 1) =>
  response({
    case: "delta",
    value: {
      ...{ chatId: "chat_1", messageId: "msg_1", attempt: number, blockIndex: 0 },
      ...{ kind: DeltaKind.TEXT, offset: BigInt(offset), text },
    },
  });
const output = (offset: number, text: string, gapBytes = 0) =>
  response({
    case: "toolOutput",
    value: {
      chatId: "chat_1",
      toolCallId: "call_1",
      offset: BigInt(offset),
      data: Buffer.from(text),
      gapBytes: BigInt(gapBytes),
    },
  });

/** The faults of one stream that sends these; `"again"` begins a new stream. */
function kinds(...items: readonly (StreamUserUpdatesResponse | "again")[]): string[] {
  const record = new StreamRecord("chat_1");
  for (const item of items) {
    if (item === "again") record.connected();
    else record.take(item);
  }
  return record.faults.map(({ kind }) => kind);
}

describe("the numbers of a stream", () => {
  test("count from 1, each once", () => {
    expect(kinds(attempt(1n, 1), message(2n, answer("hi")), ended(3n, RunState.SUCCEEDED))).toEqual([]);
  });

  test("with one left out are a hole, and one that comes again is a double, over several streams, too", () => {
    expect(kinds(attempt(1n, 1), message(3n, answer("hi")))).toEqual(["hole"]);
    expect(kinds(attempt(1n, 1), attempt(1n, 1))).toEqual(["double"]);
    expect(kinds(attempt(1n, 1), "again", attempt(1n, 1))).toEqual(["double"]);
    expect(kinds(attempt(1n, 1), "again", attempt(3n, 2))).toEqual(["hole"]);
  });

  test("of another chat say nothing", () => {
    expect(kinds(message(9n, answer("hi"), "chat_2"))).toEqual([]);
  });

  test("tell where the next stream begins, and which runs ended", () => {
    const record = new StreamRecord("chat_1");
    record.take(attempt(1n, 1));
    record.take(ended(2n, RunState.RUNNING));
    record.take(ended(3n, RunState.FAILED));
    expect(record.lastSequence).toBe(3n);
    expect(record.runEnds.map(({ state }) => state)).toEqual([RunState.FAILED]);
  });
});

describe("the words of a stream", () => {
  test("come once and in order, and again from the beginning in a new stream", () => {
    expect(kinds(delta(0, "Hel"), delta(3, "lo"), message(1n, answer("Hello")))).toEqual([]);
    expect(kinds(delta(0, "Hel"), "again", delta(0, "Hello"), message(1n, answer("Hello")))).toEqual([]);
    expect(kinds(delta(0, "Hello"), "again", delta(0, "He"), delta(2, "llo"), message(1n, answer("Hello")))).toEqual(
      [],
    );
  });

  test("that are missing are a hole, and those that come twice a double", () => {
    expect(kinds(delta(0, "Hel"), delta(4, "o"))).toEqual(["hole"]);
    expect(kinds(delta(0, "Hel"), delta(0, "Hel"))).toEqual(["double"]);
    expect(kinds(delta(0, "Hel"), "again", delta(3, "lo"))).toEqual(["hole"]);
  });

  test("that come again as others, or are not those of the message, are different", () => {
    expect(kinds(delta(0, "Hello"), "again", delta(0, "Help"))).toEqual(["different"]);
    expect(kinds(delta(0, "Hello"), message(1n, answer("Goodbye")))).toEqual(["different"]);
  });

  test("of a new attempt take the place of the old ones", () => {
    expect(kinds(delta(0, "Hello"), attempt(1n, 2), delta(0, "Bye", 2), message(2n, answer("Bye")))).toEqual([]);
  });

  test("of an attempt that is over, or behind their message, are doubles", () => {
    expect(kinds(attempt(1n, 2), delta(0, "Hello", 1))).toEqual(["double"]);
    expect(kinds(message(1n, answer("Hello")), delta(0, "Hello"))).toEqual(["double"]);
  });
});

describe("the live output of a tool", () => {
  test("may have gaps that are told, and none that are not", () => {
    expect(kinds(output(0, "abc"), output(3, "def"), output(10, "x", 4))).toEqual([]);
    expect(kinds(output(0, "abc"), output(10, "x"))).toEqual(["hole"]);
    expect(kinds(output(0, "abc"), output(1, "bc"))).toEqual(["double"]);
  });

  test("may begin anywhere in a new stream", () => {
    expect(kinds(output(0, "abc"), "again", output(9, "x"))).toEqual([]);
  });
});

describe("what was streamed, beside the store", () => {
  function compared(streamed: readonly Message[], stored: readonly Message[]): string[] {
    const record = new StreamRecord("chat_1");
    for (const [index, value] of streamed.entries()) record.take(message(BigInt(index + 1), value));
    record.compare(stored);
    return record.faults.map(({ kind }) => kind);
  }

  test("is the same where each message is", () => {
    expect(
      compared([answer("a", "msg_1"), answer("b", "msg_2")], [answer("a", "msg_1"), answer("b", "msg_2")]),
    ).toEqual([]);
  });

  test("has a hole, a double or a different message otherwise", () => {
    expect(compared([], [answer("a")])).toEqual(["hole"]);
    expect(compared([answer("a")], [])).toEqual(["double"]);
    expect(compared([answer("a")], [answer("b")])).toEqual(["different"]);
  });
});
