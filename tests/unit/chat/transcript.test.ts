import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ContentBlock, Message, MessageState } from "../../../src/chat/message.ts";
import { modelTranscript } from "../../../src/chat/transcript.ts";

const text = (value: string): ContentBlock => ({ kind: "text", text: value });
const call = (id: string): ContentBlock => ({
  ...{ kind: "tool_call", toolCallId: id, providerCallId: `provider_${id}`, name: "shell", input: {} },
});
const result = (id: string): ContentBlock => ({
  ...{ kind: "tool_result", toolCallId: id, outcome: "succeeded", result: { text: id, isError: false } },
});

type Line = readonly [Message["role"], readonly ContentBlock[], MessageState?];

function chat(...messages: readonly Line[]): Message[] {
  return messages.map(([role, blocks, state = "complete"], index) => ({
    ...{ id: `msg_${index + 1}`, chatId: "chat_1", position: index + 1, role, state, blocks, createdAtMs: index },
  }));
}

/** The transcript in short: role, and what its blocks are. */
function short(messages: readonly Message[]): string[] {
  return messages.map(({ role, blocks }) => {
    const parts = blocks.map((block) => {
      if (block.kind === "tool_call") return `call ${block.toolCallId}`;
      if (block.kind === "tool_result") return `result ${block.toolCallId}`;
      return "text" in block ? block.text : block.kind;
    });
    return `${role}: ${parts.join(", ")}`;
  });
}

describe("the transcript for a model", () => {
  test("puts the results directly behind the answer that asked for them, in the order of the calls", () => {
    const messages = chat(
      ["user", [text("go")]],
      ["assistant", [text("I look"), call("a"), call("b")]],
      ["tool", [result("b")]],
      ["user", [text("hurry up")]],
      ["tool", [result("a")]],
      ["assistant", [text("done")]],
    );
    expect(short(modelTranscript(messages))).toEqual([
      "user: go",
      "assistant: I look, call a, call b",
      "tool: result a, result b",
      "user: hurry up",
      "assistant: done",
    ]);
  });

  test("leaves out calls without a result, answers without content, and what is still being written", () => {
    const messages = chat(
      ["user", [text("go")]],
      ["assistant", [text("I was about to"), call("never")], "interrupted"],
      ["user", [text("again")]],
      ["assistant", [], "failed"],
      ["assistant", [{ kind: "thinking", text: "hm" }], "interrupted"],
      ["assistant", [call("lost")], "interrupted"],
      ["assistant", [text("half")], "open"],
    );
    expect(short(modelTranscript(messages))).toEqual(["user: go", "assistant: I was about to", "user: again"]);
  });

  test("keeps what the provider wants to see again", () => {
    const signed: ContentBlock = { kind: "thinking", text: "hm", providerData: { signature: "x" } };
    const messages = chat(["user", [text("go")]], ["assistant", [signed, text("yes")]]);
    expect(modelTranscript(messages)[1]?.blocks).toEqual([signed, text("yes")]);
  });

  test("pairs each call with exactly one result right behind it, however messages came in", () => {
    const ids = ["a", "b", "c", "d"];
    const anyOrder = fc.shuffledSubarray(ids);
    fc.assert(
      fc.property(anyOrder, fc.integer({ min: 0, max: 4 }), (delivered, interruptAt) => {
        const results = delivered.map((id): Line => ["tool", [result(id)]]);
        const meanwhile: Line = ["user", [text("meanwhile")]];
        const asks: Line = ["assistant", [text("x"), ...ids.map(call)]];
        const later = results.toSpliced(Math.min(interruptAt, results.length), 0, meanwhile);
        const messages = chat(["user", [text("go")]], asks, ...later);
        const transcript = modelTranscript(messages);
        const asked = transcript[1]?.blocks.flatMap((b) => (b.kind === "tool_call" ? [b.toolCallId] : []));
        expect(asked).toEqual(ids.filter((id) => delivered.includes(id)));
        const answered = transcript.flatMap(({ role, blocks }) =>
          role === "tool" ? blocks.flatMap((b) => (b.kind === "tool_result" ? [b.toolCallId] : [])) : [],
        );
        expect(answered).toEqual(asked ?? []);
        expect(transcript.filter(({ role }) => role === "user")).toHaveLength(2);
      }),
    );
  });
});
