import { afterEach, describe, expect, test } from "bun:test";
import type { Message } from "../../../src/chat/message.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";
import { follow, leaveAll } from "./follow.ts";
import { StreamedChat } from "./streamed-chat.ts";

afterEach(leaveAll);

const answerThatCalls = (toolCallId: string): Message => ({
  ...{ id: "m", chatId: "c", position: 2, role: "assistant", state: "complete", createdAtMs: 0 },
  blocks: [{ kind: "tool_call", toolCallId, providerCallId: "p", name: "shell", input: {} }],
});

describe("a stream", () => {
  test.each([0, 1])(
    "from update %i on shows a tool's output behind the message that calls it, and before its outcome, whenever the hub brings it",
    async (after) => {
      const chat = new StreamedChat();
      const call = { kind: "tool_call", toolCallId: "t", messageId: "m", name: "shell" } as const;
      chat.number({ kind: "attempt_started", messageId: "m", attempt: 1 });
      const { got } = follow(chat, new ManualClock(), after);
      await settle();
      chat.number({ kind: "message", message: answerThatCalls("t") }, false);
      chat.say("t", 0);
      await settle();
      chat.number({ ...call, state: "succeeded" });
      chat.say("t", 1);
      await settle();
      chat.say("t", 2);
      await settle();
      const order = got.flatMap((item): (string | number)[] =>
        item.kind === "update" ? [item.update.event.kind] : item.kind === "output" ? [item.chunk.offset] : [],
      );
      expect(order.slice(1 - after)).toEqual(["message", 0, 1, "tool_call"]);
    },
  );

  test("shows the text that streamed before the message that it became, though both are there at once", async () => {
    const chat = new StreamedChat();
    chat.beginAttempt();
    const { got } = follow(chat, new ManualClock());
    await settle();
    chat.write("Hello");
    chat.number({ kind: "message", message: { ...answerThatCalls("t"), blocks: [{ kind: "text", text: "Hello" }] } });
    await settle();
    const order = got.flatMap((item): string[] =>
      item.kind === "update" ? [item.update.event.kind] : item.kind === "delta" ? [item.delta.text] : [],
    );
    expect(order).toEqual(["attempt_started", "Hello", "message"]);
  });

  test("of a client that has the message already shows what its tool says", async () => {
    const chat = new StreamedChat();
    chat.number({ kind: "message", message: answerThatCalls("t") });
    const { got } = follow(chat, new ManualClock(), 1);
    await settle();
    chat.say("t", 0);
    await settle();
    expect(got.flatMap((item) => (item.kind === "output" ? [item.chunk.offset] : []))).toEqual([0]);
  });
});
