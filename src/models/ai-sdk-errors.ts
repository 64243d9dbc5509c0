import { z } from "zod";
import { messageOf } from "../core/errors.ts";
import { ModelError } from "./model-provider.ts";
import { retryAfterMs } from "./retry-after.ts";

/** Who was asked, for messages. */
export interface Asked {
  /** `provider/model` */
  readonly name: string;
  /** Variables that hold the key and the address. */
  readonly keyVariable: string;
  readonly addressVariable: string;
  /** The key, which no message may show: some servers repeat it. */
  readonly key: string | undefined;
  readonly nowMs: number;
}

/** The SDK's error of an HTTP answer, or of none (`statusCode` undefined: the server was not reached). */
const callError = z.object({
  name: z.literal("AI_APICallError"),
  message: z.string(),
  url: z.string().default(""),
  statusCode: z.number().optional(),
  responseHeaders: z.record(z.string(), z.string()).optional(),
  responseBody: z.string().optional(),
  isRetryable: z.boolean(),
});
type CallError = z.output<typeof callError>;

/** An error that came as an event of the stream. */
const streamError = z.object({
  message: z.string(),
  code: z.union([z.string(), z.number()]).nullish(),
  statusCode: z.number().optional(),
  isRetryable: z.boolean().optional(),
});

/** Longest part of a provider's own words in a message, characters. */
const EXCERPT = 600;

/** Whatever the SDK threw or streamed as an error, as ours. The cause is left out: the SDK's errors carry the whole request. */
export function modelErrorOf(error: unknown, asked: Asked): ModelError {
  if (error instanceof ModelError) return error;
  const call = callError.safeParse(error);
  if (call.success) return ofCall(call.data, asked);
  const name = error instanceof Error ? error.name : "";
  if (name === "AI_JSONParseError" || name === "AI_TypeValidationError" || name === "AI_InvalidResponseDataError") {
    const what = name === "AI_JSONParseError" ? "not JSON" : "not of the documented shape";
    return new ModelError(`ask ${asked.name}: an event of the answer is ${what}`, { retryable: true });
  }
  if (name === "AI_UnsupportedFunctionalityError") {
    return new ModelError(`ask ${asked.name}: this provider cannot take it: ${wordsOf(messageOf(error), asked)}`, {
      retryable: false,
    });
  }
  const streamed = streamError.safeParse(error);
  if (!(error instanceof Error) && streamed.success) {
    const { message, code, statusCode, isRetryable } = streamed.data;
    return new ModelError(
      `ask ${asked.name}: the answer broke off with an error${said(code ?? statusCode)}: ${wordsOf(message, asked)}`,
      { retryable: isRetryable ?? true },
    );
  }
  // What is left are sockets that broke in the middle of the answer.
  return new ModelError(`ask ${asked.name}: the connection broke: ${wordsOf(messageOf(error), asked)}`, {
    retryable: true,
  });
}

function ofCall(error: CallError, asked: Asked): ModelError {
  const { statusCode: status, responseBody: body = "" } = error;
  if (status === undefined) {
    return new ModelError(
      `ask ${asked.name}: cannot reach ${originOf(error.url)}: ${wordsOf(error.message, asked)}; check that it runs and that ${asked.addressVariable} is right`,
      { retryable: true, code: "unavailable" },
    );
  }
  const headers = error.responseHeaders ?? {};
  const advice = adviceOf(status, error, asked);
  return new ModelError(
    `ask ${asked.name}: it answered ${status}: ${wordsOf(wordsIn(error), asked)}${advice === "" ? "" : `; ${advice}`}`,
    {
      retryable: isRetryable(status, error, body),
      retryAfterMs: retryAfterMs(headers, body, asked.nowMs),
    },
  );
}

/** A provider that says whether to ask again is believed (`x-should-retry`: OpenAI, Anthropic). */
function isRetryable(status: number, error: CallError, body: string): boolean {
  if (status < 400) return false;
  if (error.responseHeaders?.["x-should-retry"] === "false") return false;
  if (body.includes("insufficient_quota")) return false;
  return error.isRetryable;
}

function adviceOf(status: number, error: CallError, asked: Asked): string {
  if (status < 400) {
    const target = error.responseHeaders?.location ?? "another address";
    return `it redirects to ${target}, which is not followed: set ${asked.addressVariable} to where it really is`;
  }
  if (error.responseBody?.includes("insufficient_quota")) return "the account has no credit left";
  switch (status) {
    case 401:
    case 403:
      return `check ${asked.keyVariable}: it must be a valid key that may use this model`;
    case 404:
      return `check the model's name and ${asked.addressVariable}`;
    case 413:
      return "the chat is too large for this model: start a new one";
    case 429:
      return "too many requests for this key: wait, or raise its limits";
    default:
      return "";
  }
}

/** The provider's words; where its body is not the JSON that it documents, the start of the body. */
function wordsIn(error: CallError): string {
  const body = (error.responseBody ?? "").trim();
  return body === "" || body.startsWith("{") || body.startsWith("[") ? error.message : `${error.message}: ${body}`;
}

function wordsOf(text: string, asked: Asked): string {
  const shown = asked.key === undefined || asked.key === "" ? text : text.replaceAll(asked.key, "***");
  const line = shown.replaceAll(/\s+/g, " ").trim();
  return line.length <= EXCERPT ? line : `${line.slice(0, EXCERPT)}…`;
}

function said(code: string | number | undefined): string {
  return code === undefined ? "" : ` (${code})`;
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "the server";
}
