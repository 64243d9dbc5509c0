import type { JsonObject, JsonValue } from "../../src/chat/json.ts";
import { dataEvents } from "./model-provider-server.ts";
import { type ProviderWire, TOOL_INPUT_SCHEMA } from "./model-provider-wire.ts";

export const DONE = "data: [DONE]\n\n";

export function chunksOf(model: string) {
  const chunk = (delta: JsonValue, finish: string | null = null): JsonValue => ({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1_760_000_000,
    model,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    usage: null,
  });
  const usage: JsonValue = {
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1_760_000_000,
    model,
    choices: [],
    usage: {
      prompt_tokens: 30,
      completion_tokens: 42,
      total_tokens: 72,
      prompt_tokens_details: { cached_tokens: 7 },
      completion_tokens_details: { reasoning_tokens: 12 },
    },
  };
  return { chunk, usage };
}

const said = chunksOf("gpt-4.1");
const call = (part: JsonValue) => said.chunk({ tool_calls: [part] });
const textBegun = dataEvents(
  said.chunk({ role: "assistant", content: "", refusal: null }),
  said.chunk({ content: "Let" }),
);
const secondMessages: JsonValue = [
  { role: "system", content: "You help." },
  { role: "user", content: "Which files are here?" },
  {
    role: "assistant",
    content: "Let me look.",
    tool_calls: [{ id: "call_1", type: "function", function: { name: "shell", arguments: '{"command":"ls -l"}' } }],
  },
  { role: "tool", tool_call_id: "call_1", content: "a.txt" },
];
const firstBody = (model: string): JsonObject => ({
  model,
  stream: true,
  stream_options: { include_usage: true },
  messages: [
    { role: "system", content: "You help." },
    { role: "user", content: "Which files are here?" },
  ],
  tools: [
    { type: "function", function: { name: "shell", description: "Runs a command.", parameters: TOOL_INPUT_SCHEMA } },
  ],
});

/** https://platform.openai.com/docs/api-reference/chat-streaming */
export const openaiChatWire: ProviderWire = {
  name: "openai (chat completions)",
  model: "openai/gpt-4.1",
  settings: (url) => ({ openaiApiKey: "key-of-test", openaiBaseUrl: `${url}/v1/`, openaiApi: "chat" }),
  path: "/v1/chat/completions",
  keyHeader: ["authorization", "Bearer key-of-test"],
  keyVariable: "OPENAI_API_KEY",
  thinking: "",
  toolTurn:
    dataEvents(
      said.chunk({ role: "assistant", content: "", refusal: null }),
      said.chunk({ content: "Let me " }),
      said.chunk({ content: "look." }),
      call({ index: 0, id: "call_1", type: "function", function: { name: "shell", arguments: "" } }),
      call({ index: 0, function: { arguments: '{"comm' } }),
      call({ index: 0, function: { arguments: 'and":"ls -l"}' } }),
      said.chunk({}, "tool_calls"),
      said.usage,
    ) + DONE,
  callId: "call_1",
  toolTurnUsage: { inputTokens: 30, outputTokens: 42, cachedInputTokens: 7, reasoningTokens: 12 },
  answer:
    dataEvents(
      said.chunk({ role: "assistant", content: "" }),
      said.chunk({ content: "There is " }),
      said.chunk({ content: "one file." }),
      said.chunk({}, "stop"),
      said.usage,
    ) + DONE,
  cut: textBegun,
  malformed: `${textBegun}data: {"id":"chatcmpl-1","choi\n\n`,
  midStreamError:
    textBegun + dataEvents({ error: { message: "The server had an error", type: "server_error", code: null } }),
  error: (_status, message) => ({ error: { message, type: "invalid_request_error", param: null, code: null } }),
  firstBody: firstBody("gpt-4.1"),
  secondBody: { messages: secondMessages },
};

const local = chunksOf("qwen3:8b");
const localBegun = dataEvents(local.chunk({ role: "assistant", content: "Let" }));

/** vLLM and Ollama: chat completions with `reasoning_content`, comments as keep-alives, a whole call in one chunk. */
export const compatibleWire: ProviderWire = {
  name: "compatible (vLLM, Ollama)",
  model: "compatible/qwen3:8b",
  settings: (url) => ({ compatibleApiKey: "key-of-test", compatibleBaseUrl: url }),
  path: "/v1/chat/completions",
  keyHeader: ["authorization", "Bearer key-of-test"],
  keyVariable: "COMPATIBLE_API_KEY",
  thinking: "The user wants a list.",
  toolTurn: `: keep-alive\n\n${
    dataEvents(
      local.chunk({ role: "assistant", content: "" }),
      local.chunk({ reasoning_content: "The user " }),
      local.chunk({ reasoning_content: "wants a list." }),
      local.chunk({ content: "Let me " }),
      local.chunk({ content: "look." }),
      local.chunk({
        tool_calls: [
          { index: 0, id: "call_1", type: "function", function: { name: "shell", arguments: '{"command":' } },
        ],
      }),
      local.chunk({ tool_calls: [{ index: 0, function: { arguments: '"ls -l"}' } }] }),
      local.chunk({}, "tool_calls"),
      local.usage,
    ) + DONE
  }`,
  callId: "call_1",
  toolTurnUsage: { inputTokens: 30, outputTokens: 42, cachedInputTokens: 7, reasoningTokens: 12 },
  answer:
    dataEvents(
      local.chunk({ role: "assistant", content: "There is " }),
      local.chunk({ content: "one file." }, "stop"),
      local.usage,
    ) + DONE,
  cut: localBegun,
  malformed: `${localBegun}data: {"id":"chatcmpl-1","choi\n\n`,
  midStreamError: undefined,
  error: (_status, message) => ({ error: { message, type: "BadRequestError", param: null, code: 400 } }),
  firstBody: firstBody("qwen3:8b"),
  secondBody: { messages: secondMessages },
};
