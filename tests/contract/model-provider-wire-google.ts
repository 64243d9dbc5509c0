import type { JsonValue } from "../../src/chat/json.ts";
import { dataEvents } from "./model-provider-server.ts";
import { type ProviderWire, TOOL_INPUT_SCHEMA } from "./model-provider-wire.ts";

export function googleChunk(parts: JsonValue, finish?: string): JsonValue {
  return {
    candidates: [
      { content: { parts, role: "model" }, index: 0, ...(finish === undefined ? {} : { finishReason: finish }) },
    ],
    usageMetadata: {
      promptTokenCount: 30,
      cachedContentTokenCount: 7,
      candidatesTokenCount: 30,
      thoughtsTokenCount: 12,
      totalTokenCount: 72,
    },
    modelVersion: "gemini-2.5-pro",
    responseId: "resp_1",
  };
}

const begun = dataEvents(googleChunk([{ text: "Let" }]));

/** https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent */
export const googleWire: ProviderWire = {
  name: "google (streamGenerateContent)",
  model: "google/gemini-2.5-pro",
  settings: (url) => ({ googleApiKey: "key-of-test", googleBaseUrl: url }),
  path: "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
  keyHeader: ["x-goog-api-key", "key-of-test"],
  keyVariable: "GOOGLE_GENERATIVE_AI_API_KEY",
  thinking: "The user wants a list.",
  toolTurn: dataEvents(
    googleChunk([{ text: "The user ", thought: true }]),
    googleChunk([{ text: "wants a list.", thought: true }]),
    googleChunk([{ text: "Let me " }]),
    googleChunk([{ text: "look." }]),
    googleChunk([{ functionCall: { name: "shell", args: { command: "ls -l" } }, thoughtSignature: "c2lnbmF0dXJl" }]),
    googleChunk([{ text: "" }], "STOP"),
  ),
  callId: undefined,
  toolTurnUsage: { inputTokens: 30, outputTokens: 42, cachedInputTokens: 7, reasoningTokens: 12 },
  answer: dataEvents(googleChunk([{ text: "There is " }]), googleChunk([{ text: "one file." }], "STOP")),
  cut: begun,
  malformed: `${begun}data: {"candidates":[{"cont\n\n`,
  midStreamError:
    begun + dataEvents({ error: { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" } }),
  error: (status, message) => ({ error: { code: status, message, status: "UNAUTHENTICATED" } }),
  firstBody: {
    systemInstruction: { parts: [{ text: "You help." }] },
    contents: [{ role: "user", parts: [{ text: "Which files are here?" }] }],
    tools: [
      {
        functionDeclarations: [
          { name: "shell", description: "Runs a command.", parametersJsonSchema: TOOL_INPUT_SCHEMA },
        ],
      },
    ],
  },
  secondBody: {
    contents: [
      { role: "user", parts: [{ text: "Which files are here?" }] },
      {
        role: "model",
        parts: [
          { text: "The user wants a list.", thought: true },
          { text: "Let me look." },
          { functionCall: { name: "shell", args: { command: "ls -l" } }, thoughtSignature: "c2lnbmF0dXJl" },
        ],
      },
      {
        role: "user",
        parts: [{ functionResponse: { name: "shell", response: { name: "shell", content: "a.txt" } } }],
      },
    ],
  },
};
