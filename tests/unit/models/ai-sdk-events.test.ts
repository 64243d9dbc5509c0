import { describe, expect, test } from "bun:test";
import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { AiSdkEvents } from "../../../src/models/ai-sdk-events.ts";

function eventsOf(...parts: readonly LanguageModelV4StreamPart[]) {
  const events = new AiSdkEvents();
  return { events: parts.flatMap((part) => events.push(part)), broken: events.broken, finished: events.finished };
}

function finish(
  unified: Extract<LanguageModelV4StreamPart, { type: "finish" }>["finishReason"]["unified"],
): LanguageModelV4StreamPart {
  const inputTokens = { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined };
  const outputTokens = { total: undefined, text: undefined, reasoning: undefined };
  return { type: "finish", finishReason: { unified, raw: "RAW" }, usage: { inputTokens, outputTokens } };
}

const CALL: readonly LanguageModelV4StreamPart[] = [
  { type: "tool-input-start", id: "c", toolName: "shell" },
  { type: "tool-input-delta", id: "c", delta: "{}" },
  { type: "tool-call", toolCallId: "c", toolName: "shell", input: "{}" },
];

describe("events of the SDK's parts", () => {
  test("number blocks as they begin, several open at once", () => {
    const { events } = eventsOf(
      { type: "reasoning-start", id: "0" },
      { type: "text-start", id: "0" },
      { type: "text-delta", id: "0", delta: "a" },
      { type: "reasoning-delta", id: "0", delta: "b" },
      { type: "tool-input-start", id: "c", toolName: "shell" },
      { type: "text-delta", id: "0", delta: "c" },
      { type: "reasoning-end", id: "0" },
      { type: "text-end", id: "0" },
    );
    expect(events).toEqual([
      { kind: "block_started", index: 0, block: "text" },
      { kind: "delta", index: 0, text: "a" },
      { kind: "block_started", index: 1, block: "thinking" },
      { kind: "delta", index: 1, text: "b" },
      { kind: "tool_call_started", index: 2, providerCallId: "c", name: "shell" },
      { kind: "delta", index: 0, text: "c" },
      { kind: "block_ended", index: 1 },
      { kind: "block_ended", index: 0 },
    ]);
  });

  test("end a call that was cut by the answer's length with no input: asking again would give the same", () => {
    const cut = eventsOf(
      { type: "tool-input-start", id: "c", toolName: "shell" },
      { type: "tool-input-delta", id: "c", delta: '{"comm' },
      finish("length"),
    );
    expect(cut.events.slice(-2)).toMatchObject([
      { kind: "block_ended", index: 0 },
      { kind: "finish", reason: "length" },
    ]);
    expect(cut.events.at(-2)).not.toHaveProperty("input");
    expect(cut.broken).toBeUndefined();
  });

  test("tell the usage of an answer that has no proper end", () => {
    const counted = { total: 3, noCache: undefined, cacheRead: undefined, cacheWrite: undefined };
    const broken = finish("interrupted");
    const part = broken.type === "finish" ? { ...broken, usage: { ...broken.usage, inputTokens: counted } } : broken;
    expect(eventsOf(part)).toMatchObject({
      events: [{ kind: "usage", usage: { inputTokens: 3, outputTokens: 0 } }],
      broken: { kind: "cut" },
    });
  });

  test("leave out blocks that stay empty, unless the provider wants them back", () => {
    expect(
      eventsOf(
        { type: "text-start", id: "0" },
        { type: "text-delta", id: "0", delta: "" },
        { type: "text-end", id: "0" },
        { type: "reasoning-start", id: "1", providerMetadata: { acme: { redacted: "x" } } },
        { type: "reasoning-delta", id: "1", delta: "", providerMetadata: { acme: { signature: "y" } } },
        { type: "reasoning-end", id: "1", providerMetadata: { acme: { item: null } } },
      ).events,
    ).toEqual([
      { kind: "block_started", index: 0, block: "thinking" },
      { kind: "block_ended", index: 0, providerData: { acme: { redacted: "x", signature: "y", item: null } } },
    ]);
  });

  test("keep a call that came in one piece, one that has no input, and one whose input is not JSON", () => {
    const { events } = eventsOf(
      { type: "tool-call", toolCallId: "a", toolName: "shell", input: '{"x":1}' },
      { type: "tool-call", toolCallId: "b", toolName: "shell", input: "" },
      { type: "tool-call", toolCallId: "c", toolName: "shell", input: '{"x":' },
    );
    expect(events.filter((event) => event.kind === "block_ended")).toEqual([
      { kind: "block_ended", index: 0, input: { x: 1 } },
      { kind: "block_ended", index: 1, input: {} },
      { kind: "block_ended", index: 2, input: '{"x":' },
    ]);
    expect(events).toContainEqual({ kind: "delta", index: 0, text: '{"x":1}' });
  });

  test("say what was made and is not kept", () => {
    const file: LanguageModelV4StreamPart = { type: "file", mediaType: "image/png", data: { type: "data", data: "x" } };
    expect(eventsOf(file).events).toContainEqual(
      expect.objectContaining({ kind: "delta", text: expect.stringContaining("image/png") }),
    );
  });

  for (const [unified, calls, reason] of [
    ["stop", [], "stop"],
    ["stop", CALL, "tool_calls"],
    ["tool-calls", CALL, "tool_calls"],
    ["tool-calls", [], "stop"],
    ["length", CALL, "length"],
    ["content-filter", [], "refusal"],
    ["other", [], "other"],
  ] as const) {
    test(`end for the reason ${reason} where the SDK says ${unified} after ${calls.length === 0 ? "no calls" : "a call"}`, () => {
      const { events, finished } = eventsOf(...calls, finish(unified));
      expect(events.at(-1)).toMatchObject({ kind: "finish", reason, usage: { inputTokens: 0, outputTokens: 0 } });
      expect(finished).toBe(true);
    });
  }

  test("end what the provider left open", () => {
    const text: LanguageModelV4StreamPart = { type: "text-delta", id: "0", delta: "a" };
    const kinds = eventsOf(text, finish("stop")).events.map((event) => event.kind);
    expect(kinds).toEqual(["block_started", "delta", "block_ended", "finish"]);
  });

  test("are broken by a cut, an error, a bad end, and a call that never ended", () => {
    expect(eventsOf(finish("interrupted")).broken).toEqual({ kind: "cut" });
    expect(eventsOf(finish("error")).broken).toEqual({ kind: "failed", reason: "RAW" });
    expect(eventsOf({ type: "error", error: "e" }, finish("stop"))).toEqual({
      events: [],
      broken: { kind: "error_part", error: "e" },
      finished: false,
    });
    const cutCall = eventsOf({ type: "tool-input-start", id: "c", toolName: "shell" }, finish("stop"));
    expect(cutCall).toMatchObject({ broken: { kind: "cut" }, finished: false });
  });
});
