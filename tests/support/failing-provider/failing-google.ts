import type { JsonValue } from "../../../src/chat/json.ts";
import { dataEvents } from "../../contract/model-provider-server.ts";
import { googleChunk, googleWire } from "../../contract/model-provider-wire-google.ts";
import type { FailingWire, Told } from "./failing-wire.ts";

/** https://ai.google.dev/gemini-api/docs/troubleshooting */
function told(code: number, status: string, message: string, details: JsonValue = []): Told {
  return { status: code, body: JSON.stringify({ error: { code, message, status, details } }) };
}

const quota = (quotaId: string): JsonValue => [
  { "@type": "type.googleapis.com/google.rpc.QuotaFailure", violations: [{ quotaId, quotaValue: "20" }] },
  { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1s" },
];
const callPart = (command: string): JsonValue => ({ functionCall: { name: "shell", args: { command } } });
const tooLong = dataEvents(googleChunk([{ text: "Let" }]), googleChunk([{ text: "" }], "MAX_TOKENS"));

export const failingGoogle: FailingWire = {
  vendor: "google",
  wire: googleWire,
  told: {
    quota_spent: [
      told(
        ...([429, "RESOURCE_EXHAUSTED", "You exceeded your current quota"] as const),
        quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
      ),
    ],
    wrong_key: [
      told(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
        { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" },
      ]),
      told(403, "PERMISSION_DENIED", "Your API key does not have the required permissions."),
    ],
    context_too_long: [
      told(
        ...([400, "INVALID_ARGUMENT"] as const),
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
      ),
    ],
    unknown_model: [told(404, "NOT_FOUND", "models/gemini-nobody is not found for API version v1beta")],
    rate_limited: [
      told(
        ...([429, "RESOURCE_EXHAUSTED", "You exceeded your current quota"] as const),
        quota("GenerateRequestsPerMinutePerProjectPerModel"),
      ),
    ],
    overloaded: [told(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")],
    provider_timed_out: [told(504, "DEADLINE_EXCEEDED", "The request could not finish in time")],
    server_error: [told(500, "INTERNAL", "An internal error has occurred.")],
    bad_request: [told(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")],
  },
  errorEvent: { text: googleWire.midStreamError ?? "", kind: "overloaded" },
  badEnd: dataEvents(googleChunk([{ text: "Let" }]), googleChunk([], "MALFORMED_FUNCTION_CALL")),
  refusal: dataEvents(googleChunk([{ text: "I would rather" }]), googleChunk([], "SAFETY")),
  tooLong,
  // A call comes whole in this format: what can break off is the answer around it.
  callBrokenOff: dataEvents(googleChunk([{ text: "Let" }]), googleChunk([callPart("touch must-not-be-there")])),
  callTooLong: tooLong,
  callNotBegun: tooLong,
  calls: (commands) =>
    dataEvents(...commands.map((command) => googleChunk([callPart(command)])), googleChunk([{ text: "" }], "STOP")),
  partialUsage: { inputTokens: 30 },
};
