import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LiveAnswer } from "../../../src/activities/live-answer.ts";
import { LIMITS } from "../../../src/core/limits.ts";

const identity = { chatId: "chat_1", messageId: "msg_1", attempt: 2 };
const newAnswer = () => new LiveAnswer(identity);
const ids = () => {
  let next = 0;
  return () => `call_${next++}`;
};

describe("an answer that comes piece by piece", () => {
  test("keeps its blocks in the order of their numbers, though they overlap", () => {
    const live = newAnswer();
    live.apply({ kind: "block_started", index: 1, block: "text" });
    live.apply({ kind: "block_started", index: 0, block: "thinking" });
    live.apply({ kind: "delta", index: 1, text: "out" });
    live.apply({ kind: "delta", index: 0, text: "in" });
    live.apply({ kind: "block_ended", index: 0, providerData: { signature: "s" } });
    live.apply({ kind: "block_ended", index: 1 });
    expect(live.finished(ids())).toEqual([
      { kind: "thinking", text: "in", providerData: { signature: "s" } },
      { kind: "text", text: "out" },
    ]);
  });

  test("gives each tool call that was written to its end an id of ours", () => {
    const live = newAnswer();
    live.apply({ kind: "tool_call_started", index: 0, providerCallId: "toolu_1", name: "shell" });
    live.apply({ kind: "delta", index: 0, text: '{"command":"ls"}' });
    live.apply({ kind: "block_ended", index: 0, input: { command: "ls" } });
    live.apply({ kind: "tool_call_started", index: 1, providerCallId: "toolu_2", name: "shell" });
    live.apply({ kind: "delta", index: 1, text: '{"comm' });
    expect(live.finished(ids())).toEqual([
      { kind: "tool_call", toolCallId: "call_0", providerCallId: "toolu_1", name: "shell", input: { command: "ls" } },
    ]);
  });

  test("leaves out what is empty", () => {
    const live = newAnswer();
    live.apply({ kind: "block_started", index: 0, block: "text" });
    live.apply({ kind: "block_ended", index: 0 });
    expect(live.finished(ids())).toEqual([]);
  });

  test("keeps, when it is cut off, its text and ended thinking, and no tool call", () => {
    const live = newAnswer();
    live.apply({ kind: "block_started", index: 0, block: "thinking" });
    live.apply({ kind: "delta", index: 0, text: "done" });
    live.apply({ kind: "block_ended", index: 0 });
    live.apply({ kind: "block_started", index: 1, block: "text" });
    live.apply({ kind: "delta", index: 1, text: "half a sen" });
    live.apply({ kind: "tool_call_started", index: 2, providerCallId: "toolu_1", name: "shell" });
    live.apply({ kind: "block_ended", index: 2, input: {} });
    live.apply({ kind: "block_started", index: 3, block: "thinking" });
    live.apply({ kind: "delta", index: 3, text: "unsigned" });
    expect(live.cutOff()).toEqual([
      { kind: "thinking", text: "done" },
      { kind: "text", text: "half a sen" },
    ]);
  });

  test("counts the offsets of its deltas in UTF-8 bytes", () => {
    const live = newAnswer();
    live.apply({ kind: "tool_call_started", index: 4, providerCallId: "toolu_1", name: "shell" });
    live.apply({ kind: "delta", index: 4, text: "größe" });
    const [first] = live.takeDeltas();
    live.apply({ kind: "delta", index: 4, text: "!" });
    const second = live.takeDeltas();
    expect(first).toEqual({
      ...identity,
      ...{ blockIndex: 4, blockKind: "tool_input", offset: 0, text: "größe", toolName: "shell" },
    });
    expect(second.map((delta) => delta.offset)).toEqual([7]);
    expect(live.takeDeltas()).toEqual([]);
  });

  test("never splits a character over two deltas, however the provider cuts its text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.array(fc.nat({ max: 4 })), (text, sizes) => {
        const live = newAnswer();
        live.apply({ kind: "block_started", index: 0, block: "text" });
        let seen = "";
        for (let at = 0, turn = 0; at < text.length; turn++) {
          const size = (sizes[turn % Math.max(1, sizes.length)] ?? 0) + 1;
          live.apply({ kind: "delta", index: 0, text: text.slice(at, at + size) });
          at += size;
          for (const delta of live.takeDeltas()) {
            expect(delta.offset).toBe(Buffer.byteLength(seen));
            expect(delta.text.isWellFormed()).toBe(true);
            seen += delta.text;
          }
        }
        live.apply({ kind: "block_ended", index: 0 });
        expect(live.liveBlocks(0).map((block) => block.text)).toEqual([text]);
        expect(seen).toBe(text);
      }),
    );
  });

  test("tells which of its blocks have changed since it was stored", () => {
    const live = newAnswer();
    live.apply({ kind: "block_started", index: 0, block: "text" });
    live.apply({ kind: "delta", index: 0, text: "one" });
    const stored = live.revision;
    expect(live.liveBlocks(stored)).toEqual([]);
    live.apply({ kind: "tool_call_started", index: 1, providerCallId: "toolu_1", name: "shell" });
    expect(live.liveBlocks(stored)).toEqual([
      { ...identity, blockIndex: 1, blockKind: "tool_input", text: "", toolName: "shell" },
    ]);
  });

  test("marks half a character that stays alone", () => {
    const live = newAnswer();
    live.apply({ kind: "block_started", index: 0, block: "text" });
    live.apply({ kind: "delta", index: 0, text: "a\ud83d" });
    live.apply({ kind: "block_ended", index: 0 });
    expect(live.finished(ids())).toEqual([{ kind: "text", text: "a\ufffd" }]);
  });
});

describe("an answer beyond its bounds", () => {
  test("is refused when it asks for too many tools", () => {
    const live = newAnswer();
    const call = (index: number) =>
      live.apply({ kind: "tool_call_started", index, providerCallId: `toolu_${index}`, name: "shell" });
    for (let index = 0; index < LIMITS.toolCallsPerMessage; index++) call(index);
    expect(() => call(LIMITS.toolCallsPerMessage)).toThrow("the model asked for more than 256 tool calls at once");
  });

  test("is refused when a block is too large", () => {
    const live = newAnswer();
    live.apply({ kind: "block_started", index: 0, block: "text" });
    live.apply({ kind: "delta", index: 0, text: "x".repeat(LIMITS.blockTextBytes) });
    expect(() => live.apply({ kind: "delta", index: 0, text: "y" })).toThrow("the model wrote a block of more than");
  });

  test("is refused when the input of a tool call is larger than the ledger takes, though its text still fits", () => {
    const live = newAnswer();
    live.apply({ kind: "tool_call_started", index: 0, providerCallId: "toolu_1", name: "write_file" });
    const input = { content: "x".repeat(LIMITS.toolInputBytes) };
    expect(() => live.apply({ kind: "block_ended", index: 0, input })).toThrow("input of a tool call of more than");
    live.apply({ kind: "tool_call_started", index: 1, providerCallId: "toolu_2", name: "write_file" });
    live.apply({ kind: "delta", index: 1, text: '"'.repeat(LIMITS.toolInputBytes / 2) });
    expect(() => live.apply({ kind: "block_ended", index: 1 })).toThrow("input of a tool call of more than");
  });

  test("is refused when it has too many blocks", () => {
    const live = newAnswer();
    const begin = (index: number) => live.apply({ kind: "block_started", index, block: "text" });
    for (let index = 0; index < LIMITS.blocksPerAnswer; index++) begin(index);
    expect(() => begin(LIMITS.blocksPerAnswer)).toThrow(`the model wrote more than ${LIMITS.blocksPerAnswer} blocks`);
  });

  test("is refused when it writes to a block that is not open", () => {
    const live = newAnswer();
    expect(() => live.apply({ kind: "delta", index: 0, text: "y" })).toThrow("which is not open");
    live.apply({ kind: "block_started", index: 0, block: "text" });
    expect(() => live.apply({ kind: "block_started", index: 0, block: "text" })).toThrow("began block 0 twice");
  });
});
