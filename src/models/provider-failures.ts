import type { ErrorCode } from "../core/errors.ts";
import type { FinishReason } from "./model-provider.ts";

/** What went wrong with a provider, as a closed list. Each has one row in {@link PROVIDER_FAILURES}. */
export type FailureKind =
  | "quota_spent"
  | "wrong_key"
  | "context_too_long"
  | "unknown_model"
  | "rate_limited"
  | "overloaded"
  | "provider_timed_out"
  | "bad_gateway"
  | "server_error"
  | "redirected"
  | "bad_request"
  | "error_event"
  | "unreachable"
  | "broke_off"
  | "silent"
  | "unreadable"
  | "bad_end"
  | "unsupported"
  | "refused"
  | "cut_by_length";

/** How a failure shows: an error that the provider told (as its answer, or as an event of the stream), or what happened instead. */
export type Seen =
  | "error"
  | "no_answer"
  | "no_end"
  | "silence"
  | "not_readable"
  | "failed_end"
  | "cannot_send"
  | FinishReason;

export type Vendor = "anthropic" | "openai" | "google" | "compatible";

/** Fits where all that it names fits. */
export interface Sign {
  readonly seen: Seen;
  /** Default: each. `compatible` is any server that speaks chat completions. */
  readonly vendors?: readonly Vendor[];
  /** HTTP status of the answer, or the one that the error in the stream stands for. */
  readonly status?: (status: number) => boolean;
  /** The error's own `code`, `type`, `status` or `reason`. */
  readonly codes?: readonly string[];
  /** In the body, where the provider has no code for it. */
  readonly words?: RegExp;
  /** Where it is documented, or was seen. */
  readonly source: string;
}

export interface FailureRow {
  readonly kind: FailureKind;
  /** `retry`: the same request may succeed later. `report`: somebody has to do something, or has to know. */
  readonly next: "retry" | "report";
  readonly code: ErrorCode;
  /** What the person is told behind the provider's words; {key} and {address} are the variables of the settings. */
  readonly told: string;
  readonly signs: readonly Sign[];
}

const ANTHROPIC = "https://docs.anthropic.com/en/api/errors";
const OPENAI = "https://platform.openai.com/docs/guides/error-codes";
const GOOGLE = "https://ai.google.dev/gemini-api/docs/troubleshooting";
const GOOGLE_LIMITS = "https://ai.google.dev/gemini-api/docs/rate-limits";
const HTTP = "https://www.rfc-editor.org/rfc/rfc9110";
const EVENT_STREAMS = "https://html.spec.whatwg.org/multipage/server-sent-events.html";

const is =
  (...statuses: readonly number[]) =>
  (status: number) =>
    statuses.includes(status);

/** In order: the first row with a sign that fits is the failure. Test: tests/contract/model-provider-failures.test.ts. */
export const PROVIDER_FAILURES: readonly FailureRow[] = [
  {
    ...{ kind: "quota_spent", next: "report", code: "resource_exhausted" },
    told: "the account has no credit left, or its quota is spent: look at its billing, or take another model",
    signs: [
      { seen: "error", vendors: ["openai", "compatible"], codes: ["insufficient_quota"], source: OPENAI },
      { seen: "error", vendors: ["anthropic"], codes: ["billing_error"], source: ANTHROPIC },
      { seen: "error", vendors: ["anthropic"], words: /credit balance is too low/i, source: ANTHROPIC },
      // The wait that it names with a quota of a day is that of the minute: asking again does not help.
      { seen: "error", vendors: ["google"], status: is(429), words: /PerDay/, source: GOOGLE_LIMITS },
      { seen: "error", status: is(402), source: `${HTTP}#section-15.5.3` },
    ],
  },
  {
    ...{ kind: "wrong_key", next: "report", code: "provider_failed" },
    told: "check {key}: it must be a valid key that may use this model",
    signs: [
      { seen: "error", status: is(401, 403), source: `${HTTP}#section-15.5.2` },
      { seen: "error", vendors: ["google"], codes: ["API_KEY_INVALID", "PERMISSION_DENIED"], source: GOOGLE },
      {
        ...{ seen: "error", vendors: ["anthropic"], source: ANTHROPIC },
        codes: ["authentication_error", "permission_error"],
      },
      { seen: "error", vendors: ["openai", "compatible"], codes: ["invalid_api_key"], source: OPENAI },
    ],
  },
  {
    ...{ kind: "context_too_long", next: "report", code: "resource_exhausted" },
    told: "the chat is too large for this model: start a new one, or take a model that reads more",
    signs: [
      { seen: "error", vendors: ["openai", "compatible"], codes: ["context_length_exceeded"], source: OPENAI },
      { seen: "error", vendors: ["anthropic"], codes: ["request_too_large"], source: ANTHROPIC },
      {
        ...{ seen: "error", vendors: ["anthropic"], words: /prompt is too long|exceed context limit/i },
        source: "https://docs.anthropic.com/en/docs/build-with-claude/context-windows",
      },
      {
        ...{ seen: "error", vendors: ["google"], words: /token count .{0,40}exceeds the maximum/i },
        source: "https://ai.google.dev/gemini-api/docs/tokens",
      },
      // vLLM; llama.cpp's server; Ollama and others.
      {
        ...{ seen: "error", vendors: ["compatible"], status: is(400) },
        words: /maximum context length|exceed_context_size|exceeds the (available )?context (size|length|window)/i,
        source: "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
      },
      { seen: "error", status: is(413), source: `${HTTP}#section-15.5.14` },
    ],
  },
  {
    ...{ kind: "unknown_model", next: "report", code: "provider_failed" },
    told: "check the model's name and {address}",
    signs: [
      { seen: "error", status: is(404), source: `${HTTP}#section-15.5.5` },
      { seen: "error", vendors: ["openai", "compatible"], codes: ["model_not_found"], source: OPENAI },
      { seen: "error", vendors: ["anthropic"], codes: ["not_found_error"], source: ANTHROPIC },
      { seen: "error", vendors: ["google"], codes: ["NOT_FOUND"], source: GOOGLE },
    ],
  },
  {
    ...{ kind: "rate_limited", next: "retry", code: "resource_exhausted" },
    told: "too many requests for this key: wait, or raise its limits",
    signs: [
      { seen: "error", status: is(429), source: "https://www.rfc-editor.org/rfc/rfc6585#section-4" },
      { seen: "error", vendors: ["anthropic"], codes: ["rate_limit_error"], source: ANTHROPIC },
      { seen: "error", vendors: ["openai", "compatible"], codes: ["rate_limit_exceeded"], source: OPENAI },
      { seen: "error", vendors: ["google"], codes: ["RESOURCE_EXHAUSTED"], source: GOOGLE },
    ],
  },
  {
    ...{ kind: "overloaded", next: "retry", code: "unavailable" },
    told: "the provider has too much to do: this passes",
    signs: [
      { seen: "error", status: is(529), source: ANTHROPIC },
      { seen: "error", status: is(503), source: `${HTTP}#section-15.6.4` },
      { seen: "error", vendors: ["anthropic"], codes: ["overloaded_error"], source: ANTHROPIC },
      { seen: "error", vendors: ["google"], codes: ["UNAVAILABLE"], source: GOOGLE },
    ],
  },
  {
    ...{ kind: "provider_timed_out", next: "retry", code: "deadline_exceeded" },
    told: "the provider did not get it done in its own time",
    signs: [
      { seen: "error", status: is(504), source: `${HTTP}#section-15.6.5` },
      { seen: "error", status: is(408), source: `${HTTP}#section-15.5.9` },
      { seen: "error", vendors: ["anthropic"], codes: ["timeout_error"], source: ANTHROPIC },
      { seen: "error", vendors: ["google"], codes: ["DEADLINE_EXCEEDED"], source: GOOGLE },
    ],
  },
  {
    ...{ kind: "bad_gateway", next: "retry", code: "unavailable" },
    told: "what stands before the provider does not reach it",
    signs: [{ seen: "error", status: is(502), source: `${HTTP}#section-15.6.3` }],
  },
  {
    ...{ kind: "server_error", next: "retry", code: "provider_failed" },
    told: "the provider has a fault of its own",
    signs: [
      { seen: "error", status: (status) => status >= 500, source: `${HTTP}#section-15.6.1` },
      // A lock of theirs; their own clients ask again, too.
      { seen: "error", status: is(409), source: `${HTTP}#section-15.5.10` },
      { seen: "error", vendors: ["anthropic"], codes: ["api_error"], source: ANTHROPIC },
      { seen: "error", vendors: ["openai", "compatible"], codes: ["server_error"], source: OPENAI },
      { seen: "error", vendors: ["google"], codes: ["INTERNAL"], source: GOOGLE },
    ],
  },
  {
    ...{ kind: "redirected", next: "report", code: "provider_failed" },
    told: "a redirect is not followed, because it could carry the key to another host: set {address} to where it really is",
    signs: [{ seen: "error", status: (status) => status >= 300 && status < 400, source: `${HTTP}#section-15.4` }],
  },
  {
    ...{ kind: "bad_request", next: "report", code: "provider_failed" },
    told: "the provider does not take this request",
    signs: [
      { seen: "error", status: (status) => status >= 400 && status < 500, source: `${HTTP}#section-15.5` },
      { seen: "error", vendors: ["anthropic"], codes: ["invalid_request_error"], source: ANTHROPIC },
      { seen: "error", vendors: ["openai"], codes: ["invalid_request_error"], source: OPENAI },
      { seen: "error", vendors: ["google"], codes: ["INVALID_ARGUMENT", "FAILED_PRECONDITION"], source: GOOGLE },
    ],
  },
  {
    ...{ kind: "error_event", next: "retry", code: "provider_failed" },
    told: "the provider does not say whether asking again helps",
    signs: [{ seen: "error", source: "https://docs.anthropic.com/en/api/messages-streaming#error-events" }],
  },
  {
    ...{ kind: "unreachable", next: "retry", code: "unavailable" },
    told: "check that it runs and that {address} is right",
    signs: [{ seen: "no_answer", source: "https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7" }],
  },
  {
    ...{ kind: "broke_off", next: "retry", code: "provider_failed" },
    told: "the answer broke off before its end",
    // Each API ends its stream with an event of its own; one that is not there, or a reset, is a cut.
    signs: [{ seen: "no_end", source: "https://www.rfc-editor.org/rfc/rfc9112#section-8" }],
  },
  {
    ...{ kind: "silent", next: "retry", code: "deadline_exceeded" },
    told: "the provider fell silent in the middle of its answer",
    // Keep-alives count as a sign of life.
    signs: [{ seen: "silence", source: `${EVENT_STREAMS}#authoring-notes` }],
  },
  {
    ...{ kind: "unreadable", next: "retry", code: "provider_failed" },
    told: "the provider, or what stands before it, spoiled the answer",
    signs: [{ seen: "not_readable", source: `${EVENT_STREAMS}#event-stream-interpretation` }],
  },
  {
    ...{ kind: "bad_end", next: "retry", code: "provider_failed" },
    told: "the model wrote something that its provider could not read itself",
    signs: [
      { seen: "failed_end", source: "https://ai.google.dev/api/generate-content#FinishReason" },
      {
        seen: "failed_end",
        source: "https://platform.openai.com/docs/api-reference/responses-streaming/response/failed",
      },
    ],
  },
  {
    ...{ kind: "unsupported", next: "report", code: "failed_precondition" },
    told: "take another model, or leave it out",
    signs: [{ seen: "cannot_send", source: "https://ai-sdk.dev/docs/reference/ai-sdk-errors" }],
  },
  {
    ...{ kind: "refused", next: "report", code: "provider_failed" },
    told: "the model refused to answer",
    signs: [
      {
        ...{ seen: "refusal", vendors: ["anthropic"] },
        source: "https://docs.anthropic.com/en/docs/test-and-evaluate/strengthen-guardrails/handle-streaming-refusals",
      },
      { seen: "refusal", source: "https://platform.openai.com/docs/api-reference/chat-streaming" },
    ],
  },
  {
    ...{ kind: "cut_by_length", next: "report", code: "resource_exhausted" },
    told: "the answer is cut: the model wrote the most that it may",
    signs: [{ seen: "length", source: "https://docs.anthropic.com/en/api/handling-stop-reasons" }],
  },
];

/** What is known of one failure. */
export interface FailureFacts {
  readonly seen: Seen;
  readonly vendor: string;
  readonly status?: number | undefined;
  readonly codes?: readonly string[];
  readonly text?: string;
}

/** The row of what happened; undefined: nothing went wrong (the answer came to a proper end). */
export function findFailure(facts: FailureFacts): FailureRow | undefined {
  return PROVIDER_FAILURES.find((row) => row.signs.some((sign) => fits(sign, facts)));
}

/** The row of that name. */
export function failureRow(kind: FailureKind): FailureRow {
  const row = PROVIDER_FAILURES.find((each) => each.kind === kind);
  if (row === undefined) throw new Error(`no row for ${kind}`);
  return row;
}

function fits(sign: Sign, facts: FailureFacts): boolean {
  if (sign.seen !== facts.seen) return false;
  if (sign.vendors !== undefined && !sign.vendors.some((vendor) => vendor === facts.vendor)) return false;
  if (sign.status !== undefined && (facts.status === undefined || !sign.status(facts.status))) return false;
  if (sign.codes !== undefined && !sign.codes.some((code) => facts.codes?.includes(code) === true)) return false;
  return sign.words === undefined || sign.words.test(facts.text ?? "");
}
