import type { JsonValue } from "../../src/chat/json.ts";
import { namedEvents } from "./model-provider-server.ts";
import { type ProviderWire, TOOL_INPUT_SCHEMA } from "./model-provider-wire.ts";

export type ResponseEvent = { readonly type: string; readonly [key: string]: JsonValue };

/** Each event of a response is numbered. */
export function responseEvents(...events: readonly ResponseEvent[]): string {
  return namedEvents(...events.map((event, index) => ({ ...event, sequence_number: index })));
}

export const response = { id: "resp_1", object: "response", created_at: 1_760_000_000, model: "gpt-5-2025-08-07" };
export const responseBegin: ResponseEvent[] = [
  { type: "response.created", response: { ...response, status: "in_progress", output: [] } },
  { type: "response.in_progress", response: { ...response, status: "in_progress", output: [] } },
];
const reasoning: ResponseEvent[] = [
  {
    type: "response.output_item.added",
    output_index: 0,
    item: { id: "rs_1", type: "reasoning", summary: [], encrypted_content: "" },
  },
  {
    type: "response.reasoning_summary_part.added",
    item_id: "rs_1",
    output_index: 0,
    summary_index: 0,
    part: { type: "summary_text", text: "" },
  },
  {
    type: "response.reasoning_summary_text.delta",
    item_id: "rs_1",
    output_index: 0,
    summary_index: 0,
    delta: "The user wants a list.",
  },
  {
    type: "response.reasoning_summary_part.done",
    item_id: "rs_1",
    output_index: 0,
    summary_index: 0,
    part: { type: "summary_text", text: "The user wants a list." },
  },
  {
    type: "response.output_item.done",
    output_index: 0,
    item: {
      id: "rs_1",
      type: "reasoning",
      summary: [{ type: "summary_text", text: "The user wants a list." }],
      encrypted_content: "ZW5jcnlwdGVk",
    },
  },
];
export function responseMessage(outputIndex: number, id: string, ...texts: string[]): ResponseEvent[] {
  const at = { item_id: id, output_index: outputIndex, content_index: 0 };
  const item = { id, type: "message", role: "assistant" };
  const part = { type: "output_text", text: texts.join(""), annotations: [] };
  return [
    {
      type: "response.output_item.added",
      output_index: outputIndex,
      item: { ...item, status: "in_progress", content: [] },
    },
    { type: "response.content_part.added", ...at, part: { type: "output_text", text: "", annotations: [] } },
    ...texts.map((delta) => ({ type: "response.output_text.delta", ...at, delta })),
    { type: "response.output_text.done", ...at, text: texts.join("") },
    { type: "response.content_part.done", ...at, part },
    {
      type: "response.output_item.done",
      output_index: outputIndex,
      item: { ...item, status: "completed", content: [part] },
    },
  ];
}
const call = { id: "fc_1", type: "function_call", call_id: "call_1", name: "shell" };
const functionCall: ResponseEvent[] = [
  { type: "response.output_item.added", output_index: 2, item: { ...call, status: "in_progress", arguments: "" } },
  { type: "response.function_call_arguments.delta", item_id: "fc_1", output_index: 2, delta: '{"comm' },
  { type: "response.function_call_arguments.delta", item_id: "fc_1", output_index: 2, delta: 'and":"ls -l"}' },
  {
    type: "response.function_call_arguments.done",
    item_id: "fc_1",
    output_index: 2,
    arguments: '{"command":"ls -l"}',
  },
  {
    type: "response.output_item.done",
    output_index: 2,
    item: { ...call, status: "completed", arguments: '{"command":"ls -l"}' },
  },
];
export const completed: ResponseEvent = {
  type: "response.completed",
  response: {
    ...response,
    status: "completed",
    output: [],
    usage: {
      input_tokens: 30,
      input_tokens_details: { cached_tokens: 7 },
      output_tokens: 42,
      output_tokens_details: { reasoning_tokens: 12 },
      total_tokens: 72,
    },
  },
};
const textBegun = [...responseBegin, ...responseMessage(0, "msg_1", "Let").slice(0, 3)];

/** https://platform.openai.com/docs/api-reference/responses-streaming */
export const openaiResponsesWire: ProviderWire = {
  name: "openai (Responses)",
  model: "openai/gpt-5",
  settings: (url) => ({ openaiApiKey: "key-of-test", openaiBaseUrl: url }),
  path: "/v1/responses",
  keyHeader: ["authorization", "Bearer key-of-test"],
  keyVariable: "OPENAI_API_KEY",
  thinking: "The user wants a list.",
  toolTurn: responseEvents(
    ...responseBegin,
    ...reasoning,
    ...responseMessage(1, "msg_1", "Let me ", "look."),
    ...functionCall,
    completed,
  ),
  callId: "call_1",
  toolTurnUsage: { inputTokens: 30, outputTokens: 42, cachedInputTokens: 7, reasoningTokens: 12 },
  answer: responseEvents(...responseBegin, ...responseMessage(0, "msg_2", "There is ", "one file."), completed),
  cut: responseEvents(...textBegun),
  malformed: `${responseEvents(...textBegun)}event: response.output_text.delta\ndata: {"type":"response.outp\n\n`,
  midStreamError: responseEvents(...textBegun, {
    type: "error",
    code: "server_error",
    message: "The server had an error",
    param: null,
  }),
  error: (_status, message) => ({ error: { message, type: "invalid_request_error", param: null, code: null } }),
  firstBody: {
    model: "gpt-5",
    stream: true,
    store: false,
    include: ["reasoning.encrypted_content"],
    prompt_cache_key: "chat_1",
    input: [
      { role: "developer", content: "You help." },
      { role: "user", content: [{ type: "input_text", text: "Which files are here?" }] },
    ],
    tools: [
      { type: "function", name: "shell", description: "Runs a command.", parameters: TOOL_INPUT_SCHEMA, strict: false },
    ],
  },
  secondBody: {
    input: [
      { role: "developer", content: "You help." },
      { role: "user", content: [{ type: "input_text", text: "Which files are here?" }] },
      {
        type: "reasoning",
        id: "rs_1",
        encrypted_content: "ZW5jcnlwdGVk",
        summary: [{ type: "summary_text", text: "The user wants a list." }],
      },
      { role: "assistant", content: "Let me look." },
      { type: "function_call", call_id: "call_1", name: "shell", arguments: '{"command":"ls -l"}' },
      { type: "function_call_output", call_id: "call_1", output: "a.txt" },
    ],
  },
};
