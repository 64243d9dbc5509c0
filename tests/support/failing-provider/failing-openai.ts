import type { JsonValue } from "../../../src/chat/json.ts";
import { dataEvents } from "../../contract/model-provider-server.ts";
import { chunksOf, compatibleWire, DONE, openaiChatWire } from "../../contract/model-provider-wire-chat.ts";
import {
  completed,
  openaiResponsesWire,
  type ResponseEvent,
  response,
  responseBegin,
  responseEvents,
  responseMessage,
} from "../../contract/model-provider-wire-openai-responses.ts";
import { CUT_COMMAND, type FailingWire, type Told } from "./failing-wire.ts";

/** https://platform.openai.com/docs/guides/error-codes */
function told(status: number, code: string | null, message: string, type = "invalid_request_error"): Told {
  return { status, body: JSON.stringify({ error: { message, type, param: null, code } }) };
}

const openaiTold: FailingWire["told"] = {
  quota_spent: [
    told(429, "insufficient_quota", "You exceeded your current quota, please check your plan.", "insufficient_quota"),
  ],
  wrong_key: [
    told(401, "invalid_api_key", "Incorrect API key provided: sk-no***ne."),
    told(
      403,
      "unsupported_country_region_territory",
      "Country, region, or territory not supported",
      "request_forbidden",
    ),
  ],
  context_too_long: [told(400, "context_length_exceeded", "Your input exceeds the context window of this model.")],
  unknown_model: [
    told(404, "model_not_found", "The model `gpt-nobody` does not exist or you do not have access to it."),
  ],
  rate_limited: [told(429, "rate_limit_exceeded", "Rate limit reached for gpt-5 in organization org-1", "tokens")],
  overloaded: [told(503, null, "The engine is currently overloaded, please try again later", "service_unavailable")],
  provider_timed_out: [told(504, null, "Gateway timeout", "timeout"), told(408, null, "Request timeout", "timeout")],
  server_error: [told(500, null, "The server had an error while processing your request", "server_error")],
  bad_request: [told(400, "invalid_value", "Invalid value: 'x'.")],
};

function callItem(index: number, name: string, json: string): ResponseEvent[] {
  const item = { id: `fc_${index}`, type: "function_call", call_id: `call_${index}`, name };
  return [
    {
      type: "response.output_item.added",
      output_index: index,
      item: { ...item, status: "in_progress", arguments: "" },
    },
    ...(json === ""
      ? []
      : [{ type: "response.function_call_arguments.delta", item_id: item.id, output_index: index, delta: json }]),
  ];
}

function wholeCall(index: number, json: string): ResponseEvent[] {
  const item = { id: `fc_${index}`, type: "function_call", call_id: `call_${index}`, name: "shell" };
  return [
    ...callItem(index, "shell", json),
    { type: "response.function_call_arguments.done", item_id: item.id, output_index: index, arguments: json },
    {
      type: "response.output_item.done",
      output_index: index,
      item: { ...item, status: "completed", arguments: json },
    },
  ];
}

const ofTokens: ResponseEvent = {
  type: "response.incomplete",
  response: {
    ...response,
    status: "incomplete",
    output: [],
    incomplete_details: { reason: "max_output_tokens" },
    usage: {
      input_tokens: 30,
      input_tokens_details: { cached_tokens: 7 },
      output_tokens: 42,
      output_tokens_details: { reasoning_tokens: 12 },
      total_tokens: 72,
    },
  },
};
const refused = { item_id: "msg_1", output_index: 0, content_index: 0 };

export const failingResponses: FailingWire = {
  vendor: "openai",
  wire: openaiResponsesWire,
  told: openaiTold,
  errorEvent: { text: openaiResponsesWire.midStreamError ?? "", kind: "server_error" },
  badEnd: responseEvents(...responseBegin, ...responseMessage(0, "msg_1", "Let").slice(0, 3), {
    type: "response.failed",
    response: { ...response, status: "failed", output: [], error: null, incomplete_details: null, usage: null },
  }),
  refusal: responseEvents(
    ...responseBegin,
    {
      type: "response.output_item.added",
      output_index: 0,
      item: { id: "msg_1", type: "message", role: "assistant", status: "in_progress", content: [] },
    },
    { type: "response.content_part.added", ...refused, part: { type: "refusal", refusal: "" } },
    { type: "response.refusal.delta", ...refused, delta: "I would rather" },
    { type: "response.refusal.done", ...refused, refusal: "I would rather" },
    {
      type: "response.output_item.done",
      output_index: 0,
      item: {
        ...{ id: "msg_1", type: "message", role: "assistant", status: "completed" },
        content: [{ type: "refusal", refusal: "I would rather" }],
      },
    },
    completed,
  ),
  tooLong: responseEvents(...responseBegin, ...responseMessage(0, "msg_1", "Let"), ofTokens),
  callBrokenOff: responseEvents(...responseBegin, ...callItem(0, "shell", CUT_COMMAND)),
  callTooLong: responseEvents(...responseBegin, ...callItem(0, "shell", CUT_COMMAND), ofTokens),
  callNotBegun: responseEvents(...responseBegin, ...callItem(0, "list_files", ""), ofTokens),
  calls: (commands) =>
    responseEvents(
      ...responseBegin,
      ...commands.flatMap((command, index) => wholeCall(index, JSON.stringify({ command }))),
      completed,
    ),
  partialUsage: undefined,
};

function chatStreams(model: string) {
  const said = chunksOf(model);
  const begun = said.chunk({ role: "assistant", content: "" });
  const call = (index: number, name: string, json: string): JsonValue =>
    said.chunk({ tool_calls: [{ index, id: `call_${index}`, type: "function", function: { name, arguments: json } }] });
  const ended = (reason: string) => dataEvents(said.chunk({}, reason), said.usage) + DONE;
  return {
    refusal: dataEvents(begun, said.chunk({ refusal: "I would rather" })) + ended("stop"),
    tooLong: dataEvents(begun, said.chunk({ content: "Let" })) + ended("length"),
    callBrokenOff: dataEvents(begun, call(0, "shell", CUT_COMMAND)),
    callTooLong: dataEvents(begun, call(0, "shell", CUT_COMMAND)) + ended("length"),
    callNotBegun: dataEvents(begun, call(0, "list_files", "")) + ended("length"),
    calls: (commands: readonly string[]) =>
      dataEvents(begun, ...commands.map((command, index) => call(index, "shell", JSON.stringify({ command })))) +
      ended("tool_calls"),
    badEnd: undefined,
    partialUsage: undefined,
  };
}

export const failingChat: FailingWire = {
  vendor: "openai",
  wire: openaiChatWire,
  told: openaiTold,
  errorEvent: { text: openaiChatWire.midStreamError ?? "", kind: "server_error" },
  ...chatStreams("gpt-4.1"),
};

/** What OpenAI-compatible servers say beyond OpenAI's own: vLLM, llama.cpp's server, Ollama, OpenRouter. */
export const failingCompatible: FailingWire = {
  vendor: "compatible",
  wire: compatibleWire,
  told: {
    ...openaiTold,
    quota_spent: [...openaiTold.quota_spent, told(402, null, "Insufficient credits. Add more to go on.")],
    context_too_long: [
      told(
        400,
        null,
        "This model's maximum context length is 8192 tokens. However, you requested 9000.",
        "BadRequestError",
      ),
      told(
        400,
        "exceed_context_size_error",
        "the request exceeds the available context size",
        "exceed_context_size_error",
      ),
    ],
    unknown_model: [told(404, null, 'model "nobody" not found, try pulling it first', "not_found_error")],
  },
  errorEvent: {
    text:
      compatibleWire.cut +
      dataEvents({ error: { message: "EngineCore had an error", type: "server_error", code: 500 } }),
    kind: "server_error",
  },
  ...chatStreams("qwen3:8b"),
};
