import { describe, expect, test } from "bun:test";
import type { ContentBlock } from "../../../src/chat/message.ts";
import { type PromptStyle, promptOf } from "../../../src/models/ai-sdk-prompt.ts";
import type { ModelRequest } from "../../../src/models/model-provider.ts";
import { assistantMessage, resultsMessage, userMessage } from "../../contract/model-provider-answer.ts";

const STYLE: PromptStyle = { provider: "acme", toolImages: "in_result", marksErrors: false };
const PNG = { mediaType: "image/png", data: "cG5n" };
const ANSWER: readonly ContentBlock[] = [
  { kind: "thinking", text: "hm", providerData: { acme: { signature: "s" } } },
  { kind: "text", text: "look", providerData: { acme: { id: "t1" } } },
  { kind: "tool_call", toolCallId: "call_ours", providerCallId: "theirs", name: "shell", input: { a: 1 } },
];

function prompt(messages: ModelRequest["messages"], style: Partial<PromptStyle> = {}, system = "") {
  return promptOf({ model: "m", system, messages, tools: [], chatId: "c" }, { ...STYLE, ...style });
}

describe("the prompt for the SDK", () => {
  test("gives a provider back what it said, with its own ids and data", () => {
    const results = resultsMessage(ANSWER, { text: "a.txt" });
    expect(prompt([userMessage("hi"), assistantMessage(ANSWER, "acme/m"), results], {}, "be kind")).toEqual([
      { role: "system", content: "be kind" },
      { role: "user", content: [{ type: "text", text: "hi" }] },
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "hm", providerOptions: { acme: { signature: "s" } } },
          { type: "text", text: "look", providerOptions: { acme: { id: "t1" } } },
          { type: "tool-call", toolCallId: "theirs", toolName: "shell", input: { a: 1 } },
        ],
      },
      {
        role: "tool",
        content: [
          { type: "tool-result", toolCallId: "theirs", toolName: "shell", output: { type: "text", value: "a.txt" } },
        ],
      },
    ]);
  });

  test("keeps another provider's thinking, data and ids from it", () => {
    const results = resultsMessage(ANSWER, { text: "a.txt" });
    expect(prompt([assistantMessage(ANSWER, "other/m"), results])).toMatchObject([
      {
        content: [
          { type: "text", text: "look" },
          { type: "tool-call", toolCallId: "call_ours" },
        ],
      },
      { content: [{ toolCallId: "call_ours", toolName: "shell" }] },
    ]);
    expect(JSON.stringify(prompt([assistantMessage(ANSWER, "other/m")]))).not.toContain("acme");
  });

  test("leaves out an answer of which nothing remains", () => {
    const thought = assistantMessage([{ kind: "thinking", text: "hm" }], "other/m");
    expect(prompt([userMessage("hi"), thought])).toHaveLength(1);
  });

  test("sends input that was not JSON as an object", () => {
    const call: ContentBlock = { kind: "tool_call", toolCallId: "c", providerCallId: "p", name: "shell", input: '{"a' };
    expect(prompt([assistantMessage([call])])).toMatchObject([{ content: [{ input: { input: '{"a' } }] }]);
  });

  test("marks errors where the provider has a mark", () => {
    const results = resultsMessage(ANSWER, { text: "no", isError: true });
    expect(prompt([results], { marksErrors: true })).toMatchObject([{ content: [{ output: { type: "error-text" } }] }]);
    expect(prompt([results])).toMatchObject([{ content: [{ output: { type: "text", value: "no" } }] }]);
  });

  test("says that a tool gave nothing", () => {
    expect(prompt([resultsMessage(ANSWER, { text: "" })])).toMatchObject([
      { content: [{ output: { value: "(no output)" } }] },
    ]);
  });

  test("puts a tool's images into the result, or behind all results", () => {
    const messages = [assistantMessage(ANSWER), resultsMessage(ANSWER, { text: "seen", images: [PNG] })];
    const image = { type: "file", mediaType: "image/png", data: { type: "data", data: "cG5n" } };
    expect(prompt(messages)[1]).toMatchObject({
      content: [{ output: { type: "content", value: [{ type: "text", text: "seen" }, image] } }],
    });
    expect(prompt(messages, { toolImages: "behind_results" }).slice(1)).toMatchObject([
      { role: "tool", content: [{ output: { type: "text", value: "seen" } }] },
      { role: "user", content: [{ type: "text", text: "Images of the result of shell:" }, image] },
    ]);
  });

  test("sends text files as text, images and other files as files", () => {
    const text = Buffer.from("a = 1\n").toString("base64");
    const blocks: ContentBlock[] = [
      { kind: "image", ...PNG },
      { kind: "file", name: 'a "b".py', mediaType: "text/x-python", data: text },
      { kind: "file", name: "b.pdf", mediaType: "application/pdf", data: "cGRm" },
    ];
    expect(prompt([{ ...userMessage(""), blocks }])).toEqual([
      {
        role: "user",
        content: [
          { type: "file", mediaType: "image/png", data: { type: "data", data: "cG5n" } },
          { type: "text", text: '<file name="a \\"b\\".py">\na = 1\n\n</file>' },
          { type: "file", filename: "b.pdf", mediaType: "application/pdf", data: { type: "data", data: "cGRm" } },
        ],
      },
    ]);
  });

  test("marks the system text and the last message for the provider's cache", () => {
    const cacheMark = { acme: { cache: true } };
    const messages = prompt([userMessage("a"), userMessage("b")], { cacheMark }, "be kind");
    expect(messages.map((message) => message.providerOptions)).toEqual([cacheMark, undefined, cacheMark]);
  });
});
