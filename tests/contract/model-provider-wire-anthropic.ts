import { namedEvents } from "./model-provider-server.ts";
import { type ProviderWire, TOOL_INPUT_SCHEMA } from "./model-provider-wire.ts";

export const anthropicBegin = namedEvents(
  {
    type: "message_start",
    message: {
      id: "msg_01",
      type: "message",
      role: "assistant",
      model: "claude-sonnet-4-5-20250929",
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 20, cache_creation_input_tokens: 3, cache_read_input_tokens: 7, output_tokens: 1 },
    },
  },
  { type: "ping" },
);
export const anthropicText = (index: number, ...texts: string[]) =>
  namedEvents(
    { type: "content_block_start", index, content_block: { type: "text", text: "" } },
    ...texts.map((text) => ({ type: "content_block_delta", index, delta: { type: "text_delta", text } })),
    { type: "content_block_stop", index },
  );
export const anthropicEnd = (reason: string) =>
  namedEvents(
    { type: "message_delta", delta: { stop_reason: reason, stop_sequence: null }, usage: { output_tokens: 42 } },
    { type: "message_stop" },
  );
const textBegun =
  anthropicBegin +
  namedEvents(
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Let" } },
  );

/** https://docs.anthropic.com/en/api/messages-streaming */
export const anthropicWire: ProviderWire = {
  name: "anthropic (Messages)",
  model: "anthropic/claude-sonnet-4-5",
  settings: (url) => ({ anthropicApiKey: "key-of-test", anthropicBaseUrl: url }),
  path: "/v1/messages",
  keyHeader: ["x-api-key", "key-of-test"],
  keyVariable: "ANTHROPIC_API_KEY",
  thinking: "The user wants a list.",
  toolTurn:
    anthropicBegin +
    namedEvents(
      { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "", signature: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "The user " } },
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "wants a list." } },
      { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature: "c2lnbmF0dXJl" } },
      { type: "content_block_stop", index: 0 },
    ) +
    anthropicText(1, "Let me ", "look.") +
    namedEvents(
      {
        type: "content_block_start",
        index: 2,
        content_block: { type: "tool_use", id: "toolu_01", name: "shell", input: {} },
      },
      { type: "content_block_delta", index: 2, delta: { type: "input_json_delta", partial_json: "" } },
      { type: "content_block_delta", index: 2, delta: { type: "input_json_delta", partial_json: '{"comm' } },
      { type: "content_block_delta", index: 2, delta: { type: "input_json_delta", partial_json: 'and":"ls -l"}' } },
      { type: "content_block_stop", index: 2 },
    ) +
    anthropicEnd("tool_use"),
  callId: "toolu_01",
  toolTurnUsage: { inputTokens: 30, outputTokens: 42, cachedInputTokens: 7, reasoningTokens: 0 },
  answer: anthropicBegin + anthropicText(0, "There is ", "one file.") + anthropicEnd("end_turn"),
  cut: textBegun,
  malformed: `${textBegun}event: content_block_delta\ndata: {"type":"content_block_delta","ind\n\n`,
  midStreamError:
    textBegun + namedEvents({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }),
  error: (status, message) => ({
    type: "error",
    error: { type: status === 429 ? "rate_limit_error" : "authentication_error", message },
    request_id: "req_1",
  }),
  firstBody: {
    model: "claude-sonnet-4-5",
    stream: true,
    system: [{ type: "text", text: "You help.", cache_control: { type: "ephemeral" } }],
    messages: [
      {
        role: "user",
        content: [{ type: "text", text: "Which files are here?", cache_control: { type: "ephemeral" } }],
      },
    ],
    tools: [{ name: "shell", description: "Runs a command.", input_schema: TOOL_INPUT_SCHEMA }],
  },
  secondBody: {
    messages: [
      { role: "user", content: [{ type: "text", text: "Which files are here?" }] },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "The user wants a list.", signature: "c2lnbmF0dXJl" },
          { type: "text", text: "Let me look." },
          { type: "tool_use", id: "toolu_01", name: "shell", input: { command: "ls -l" } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "toolu_01", content: "a.txt", cache_control: { type: "ephemeral" } },
        ],
      },
    ],
  },
};
