import { describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { paint } from "../../../src/client/terminal.ts";
import { summarizeInput } from "../../../src/client/tool-summary.ts";
import { TranscriptView } from "../../../src/client/transcript-view.ts";
import { MessageState, Role, ToolCallState } from "../../../src/gen/reliant/v1/chat_pb.ts";
import {
  ToolOutput_Channel as Channel,
  BlockDelta_Kind as DeltaKind,
  StreamUserUpdatesResponseSchema,
} from "../../../src/gen/reliant/v1/update_pb.ts";

type Response = MessageInitShape<typeof StreamUserUpdatesResponseSchema>;

const textBlocks = (...texts: string[]) =>
  texts.map((text) => ({ content: { case: "text" as const, value: { text } } }));

const delta = (offset: number, text: string, attempt = 1, blockIndex = 0, kind = DeltaKind.TEXT): Response => ({
  update: {
    case: "delta",
    value: { chatId: "c", messageId: "m1", attempt, blockIndex, kind, offset: BigInt(offset), text },
  },
});

const answer = (text: string, state = MessageState.COMPLETE, ...more: string[]): Response => ({
  update: {
    case: "chat",
    value: {
      chatId: "c",
      event: {
        case: "message",
        value: { id: "m1", role: Role.ASSISTANT, state, blocks: textBlocks(text, ...more) },
      },
    },
  },
});

const toolCall: Response = {
  update: {
    case: "chat",
    value: {
      chatId: "c",
      event: {
        case: "message",
        value: {
          id: "m2",
          role: Role.ASSISTANT,
          state: MessageState.COMPLETE,
          blocks: [
            { content: { case: "toolCall", value: { toolCallId: "t", name: "shell", inputJson: '{"command":"ls"}' } } },
          ],
        },
      },
    },
  },
};

const toolResult = (state: ToolCallState, text: string): Response => ({
  update: {
    case: "chat",
    value: {
      chatId: "c",
      event: {
        case: "message",
        value: {
          id: "m3",
          role: Role.TOOL,
          state: MessageState.COMPLETE,
          blocks: [{ content: { case: "toolResult", value: { toolCallId: "t", state, result: { text } } } }],
        },
      },
    },
  },
});

const attempt = (number: number): Response => ({
  update: {
    case: "chat",
    value: { chatId: "c", event: { case: "attemptStarted", value: { messageId: "m1", attempt: number } } },
  },
});

const waiting = (untilMs: number, errorMessage: string, number = 1): Response => ({
  update: {
    case: "chat",
    value: {
      chatId: "c",
      event: {
        case: "providerWaiting",
        value: { messageId: "m1", attempt: number, until: timestampFromMs(untilMs), errorMessage },
      },
    },
  },
});

/** As a client is told that comes in the middle of it. */
const waitUnderWay = (untilMs: number, errorMessage: string): Response => ({
  update: {
    case: "providerWait",
    value: { chatId: "c", messageId: "m1", attempt: 1, until: timestampFromMs(untilMs), errorMessage },
  },
});

const output = (text: string, gapBytes = 0): Response => ({
  update: {
    case: "toolOutput",
    value: {
      chatId: "c",
      toolCallId: "t",
      channel: Channel.STDOUT,
      offset: 0n,
      data: new TextEncoder().encode(text),
      gapBytes: BigInt(gapBytes),
    },
  },
});

function print(...responses: Response[]): string {
  const view = new TranscriptView("c");
  return responses
    .flatMap((response) => view.take(create(StreamUserUpdatesResponseSchema, response)))
    .map((piece) => paint(piece, false))
    .join("");
}

describe("the transcript", () => {
  test("prints what streamed once, and only the rest of it when the message stands", () => {
    expect(print(delta(0, "Hel"), delta(3, "lo"), answer("Hello, world"))).toBe("Hello, world\n");
  });

  test("says of a wait that is told by its number and as the stream is taken up again once", () => {
    const until = new Date(2026, 0, 2, 3, 4, 5).getTime();
    const said = "(waiting for the provider until 03:04:05: overloaded)\n";
    expect(print(waitUnderWay(until, "overloaded"))).toBe(said);
    expect(print(waiting(until, "overloaded"), waitUnderWay(until, "overloaded"))).toBe(said);
  });

  test("says of both waits of an attempt that another worker took over", () => {
    const until = new Date(2026, 0, 2, 3, 4, 5).getTime();
    expect(print(waiting(until, "overloaded", 2), waiting(until + 5000, "overloaded again", 2))).toBe(
      "(waiting for the provider until 03:04:05: overloaded)\n(waiting for the provider until 03:04:10: overloaded again)\n",
    );
  });

  test("says until when the provider is waited for, by the reader's clock, and why", () => {
    const until = new Date(2026, 0, 2, 3, 4, 5).getTime();
    expect(print(delta(0, "Hel"), waiting(until, "overloaded"), attempt(2), delta(0, "Hi", 2), answer("Hi"))).toBe(
      "Hel\n(waiting for the provider until 03:04:05: overloaded)\n(the answer broke off: attempt 2)\nHi\n",
    );
  });

  test("prints a delta that comes twice once", () => {
    expect(print(delta(0, "Hel"), delta(0, "Hel"), delta(3, "lo"), answer("Hello"))).toBe("Hello\n");
  });

  test("leaves a delta behind a hole for the whole message", () => {
    expect(print(delta(0, "He"), delta(4, "o"), answer("Hello"))).toBe("Hello\n");
  });

  test("prints nothing of a block whose predecessor was missed, until the whole message has both", () => {
    const whole = answer("First.\n", MessageState.COMPLETE, "Second.\n");
    expect(print(delta(0, "Second.\n", 1, 1), whole)).toBe("First.\nSecond.\n");
    expect(print(delta(0, "First.\n"), delta(0, "Second.\n", 1, 1), whole)).toBe("First.\nSecond.\n");
  });

  test("prints text behind a tool call as it streams", () => {
    expect(print(delta(0, "{}", 1, 0, DeltaKind.TOOL_INPUT), delta(0, "Behind it.\n", 1, 1))).toBe("Behind it.\n");
  });

  test("counts offsets in UTF-8 bytes", () => {
    expect(print(delta(0, "ä"), delta(2, "ö"), answer("äöü"))).toBe("äöü\n");
  });

  test("prints a message once, however often it comes", () => {
    expect(print(answer("Hello"), answer("Hello"))).toBe("Hello\n");
  });

  test("begins again with a new attempt, and says so where something was printed", () => {
    expect(print(attempt(1), delta(0, "Wro"), attempt(2), delta(0, "Right", 2), answer("Right"))).toBe(
      "Wro\n(the answer broke off: attempt 2)\nRight\n",
    );
  });

  test("drops a delta of an older attempt", () => {
    expect(print(attempt(2), delta(0, "old", 1), delta(0, "new", 2), answer("new"))).toBe("new\n");
  });

  test("shows a tool call by its command, its result's text and its outcome", () => {
    expect(print(toolCall, toolResult(ToolCallState.SUCCEEDED, "a.txt\n"))).toBe(
      "▸ shell ls\n  │ a.txt\n  ✓ shell done\n",
    );
  });

  test("does not show a result again that streamed", () => {
    expect(print(toolCall, output("a.txt\n"), toolResult(ToolCallState.FAILED, "a.txt\n"))).toBe(
      "▸ shell ls\n  │ a.txt\n  ✗ shell failed\n",
    );
  });

  test("shows what the result has behind the live output, and no live output behind the result", () => {
    const late = [
      output("one\n"),
      toolResult(ToolCallState.SUCCEEDED, "Exit code 0\none\ntwo\nthree"),
      output("two\n"),
    ];
    expect(print(toolCall, ...late)).toBe("▸ shell ls\n  │ one\n  │ two\n  │ three\n  ✓ shell done\n");
  });

  test("ends the line that live output began by what the result has of it", () => {
    const result = toolResult(ToolCallState.SUCCEEDED, "Exit code 0\none\ntwo and three\nfour");
    expect(print(toolCall, output("one\ntwo and"), result)).toBe(
      "▸ shell ls\n  │ one\n  │ two and three\n  │ four\n  ✓ shell done\n",
    );
  });

  test("says what live output left out", () => {
    expect(print(output("b\n", 10))).toBe("  │ … 10 bytes left out\n  │ b\n");
  });

  test("puts the lines of live output together again, wherever it was cut", () => {
    expect(
      print(toolCall, output("one li"), output("ne\ntw"), output("o"), toolResult(ToolCallState.SUCCEEDED, "")),
    ).toBe("▸ shell ls\n  │ one line\n  │ two\n  ✓ shell done\n");
  });

  test("shows nothing of another chat", () => {
    const view = new TranscriptView("other");
    expect(view.take(create(StreamUserUpdatesResponseSchema, answer("secret")))).toEqual([]);
  });
});

test("a tool's output cannot drive the terminal", () => {
  expect(paint({ style: "output", text: "\u001b]0;title\u0007\u001b[2Jtext\r\n" }, false)).toBe("]0;title[2Jtext\n");
});

test("a tool call's input is one short line, whatever is in it", () => {
  expect(summarizeInput("shell", JSON.stringify({ command: "echo a\necho b" }))).toBe("echo a echo b");
  expect(summarizeInput("other", '{"x":1}')).toBe('{"x":1}');
  expect(summarizeInput("shell", "not json")).toBe("not json");
  expect([...summarizeInput("shell", JSON.stringify({ command: "x".repeat(500) }))].length).toBe(100);
});
