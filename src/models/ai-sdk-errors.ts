import { z } from "zod";
import { messageOf } from "../core/errors.ts";
import { errorCodesIn } from "./error-codes.ts";
import { jsonOf, jsonOrText } from "./json-border.ts";
import { ModelError } from "./model-provider.ts";
import { type FailureFacts, type FailureRow, failureRow, findFailure, type Seen } from "./provider-failures.ts";
import { retryAfterMs } from "./retry-after.ts";

/** Who was asked, for messages. */
export interface Asked {
  /** `provider/model` */
  readonly name: string;
  readonly vendor: string;
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
  cause: z.unknown().optional(),
});
type CallError = z.output<typeof callError>;

/** An error that came as an event of the stream. */
const streamError = z.object({
  message: z.string(),
  code: z.union([z.string(), z.number()]).nullish(),
  type: z.string().nullish(),
  statusCode: z.number().optional(),
  isRetryable: z.boolean().optional(),
  data: z.unknown().optional(),
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
    // So the SDK says that a chat completion just stopped.
    if (/ended without/.test(messageOf(error))) return failureError("no_end", asked, "its end did not come");
    const what = name === "AI_JSONParseError" ? "not JSON" : "not of the documented shape";
    return failureError("not_readable", asked, `an event of the answer is ${what}`);
  }
  if (name === "AI_UnsupportedFunctionalityError") {
    return failureError("cannot_send", asked, `this provider cannot take it: ${wordsOf(messageOf(error), asked)}`);
  }
  const streamed = streamError.safeParse(error);
  if (!(error instanceof Error) && streamed.success) return ofEvent(streamed.data, asked);
  // What is left are sockets that broke in the middle of the answer.
  return failureError("no_end", asked, `the connection broke: ${wordsOf(messageOf(error), asked)}`);
}

/** A failure that no error of the SDK tells of. */
export function failureError(seen: Exclude<Seen, "error">, asked: Asked, what: string): ModelError {
  return made(rowOf({ seen, vendor: asked.vendor }), asked, what);
}

function ofEvent(error: z.output<typeof streamError>, asked: Asked): ModelError {
  const { message, code, type, statusCode } = error;
  const codes = [code, type].flatMap((each) => (typeof each === "string" ? [each] : []));
  const row = rowOf({
    ...{ seen: "error", vendor: asked.vendor, status: statusCode, text: message },
    codes: [...codes, ...errorCodesIn(jsonOf(error.data))],
  });
  const what = `the answer broke off with an error${said(code ?? type ?? statusCode)}: ${wordsOf(message, asked)}`;
  return made(row, asked, what, { retryable: error.isRetryable !== false });
}

function ofCall(error: CallError, asked: Asked): ModelError {
  const { statusCode: status, responseBody: body = "", responseHeaders: headers = {} } = error;
  if (status === undefined) {
    return failureError("no_answer", asked, `cannot reach ${originOf(error.url)}: ${wordsOf(error.message, asked)}`);
  }
  // The answer had begun well, and the connection broke under it.
  if (status < 300) {
    const words = wordsOf(error.cause === undefined ? error.message : messageOf(error.cause), asked);
    return failureError("no_end", asked, `the connection broke: ${words}`);
  }
  const text = wordsIn(error);
  const codes = errorCodesIn(jsonOrText(body));
  const row = rowOf({ seen: "error", vendor: asked.vendor, status, codes, text: `${text} ${body}` });
  const target =
    row.kind === "redirected" ? ` (redirects to ${wordsOf(headers.location ?? "another address", asked)})` : "";
  return made(row, asked, `it answered ${status}${target}: ${wordsOf(text, asked)}`, {
    // A provider that says whether to ask again is believed (OpenAI, Anthropic).
    retryable: headers["x-should-retry"] !== "false",
    retryAfterMs: retryAfterMs(headers, body, asked.nowMs),
  });
}

/** Errors always have a row: the table's last sign of one fits whatever it is. */
function rowOf(facts: FailureFacts): FailureRow {
  return findFailure(facts) ?? failureRow("error_event");
}

function made(
  row: FailureRow,
  asked: Asked,
  what: string,
  more: { readonly retryable?: boolean; readonly retryAfterMs?: number | undefined } = {},
): ModelError {
  const told = row.told.replace("{key}", asked.keyVariable).replace("{address}", asked.addressVariable);
  return new ModelError(`ask ${asked.name}: ${what}; ${told}`, {
    code: row.code,
    failure: row.kind,
    retryable: row.next === "retry" && more.retryable !== false,
    retryAfterMs: more.retryAfterMs,
  });
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
