import { isIdToken } from "../core/ids.ts";
import { LIMITS } from "../core/limits.ts";
import { ToolExecutionReply_Status as Status } from "../gen/reliant/v1/tool_pb.ts";

/**
 * The bodies of tool requests and replies as plain objects, in protobuf JSON: as the library writes them, at a tenth of
 * its cost. Reading takes the usual form that keeps all rules of proto/reliant/v1/tool.proto, and answers undefined for
 * any other: the library then reads it, or says what is wrong. Held by tests/unit/routing/tool-body.test.ts, which
 * compares both on generated bodies.
 */
export interface RequestBody {
  readonly toolCallId: string;
  readonly userId: string;
  readonly daemonId: string;
  readonly epoch: number;
  readonly byReference: boolean;
  readonly toolName: string;
  readonly inputJson: string;
  readonly roots: readonly string[];
  readonly timeoutMs: number;
  readonly chatId: string;
}

export function encodeRequestBody(body: RequestBody): string {
  const { toolCallId, userId, daemonId, epoch, byReference, toolName, inputJson, roots, timeoutMs, chatId } = body;
  return JSON.stringify({
    ...{ toolCallId, userId, daemonId, epoch: String(epoch) },
    invocation: {
      toolName,
      inputJson: inputJson === "" ? undefined : inputJson,
      roots: roots.length === 0 ? undefined : roots,
      timeoutMs: String(timeoutMs),
      chatId: chatId === "" ? undefined : chatId,
    },
    byReference: byReference ? true : undefined,
  });
}

export function readRequestBody(text: string): RequestBody | undefined {
  const body = parsedObject(text, REQUEST_FIELDS);
  const invocation = body === undefined ? undefined : objectOf(body.invocation, INVOCATION_FIELDS);
  if (body === undefined || invocation === undefined) return undefined;
  const { toolCallId, userId, daemonId, byReference = false } = body;
  const { toolName, inputJson = "", roots = [], chatId = "" } = invocation;
  const [epoch, timeoutMs] = [countOf(body.epoch), countOf(invocation.timeoutMs)];
  const fits =
    isId(toolCallId) &&
    isId(userId) &&
    isId(daemonId) &&
    epoch !== undefined &&
    epoch > 0 &&
    typeof byReference === "boolean" &&
    isShort(toolName) &&
    toolName !== "" &&
    typeof inputJson === "string" &&
    inputJson.length * UTF8_MOST <= LIMITS.toolInputBytes &&
    isTexts(roots) &&
    roots.length <= MAX_ROOTS &&
    isShort(chatId) &&
    timeoutMs !== undefined &&
    timeoutMs > 0 &&
    timeoutMs <= MAX_TIMEOUT_MS;
  if (!fits) return undefined;
  return { toolCallId, userId, daemonId, epoch, byReference, toolName, inputJson, roots, timeoutMs, chatId };
}

export interface ReplyBody {
  readonly toolCallId: string;
  readonly status: Status;
  readonly message: string;
}

const STATUS_NAMES: ReadonlyMap<Status, string> = new Map([
  [Status.ACCEPTED, "STATUS_ACCEPTED"],
  [Status.DONE, "STATUS_DONE"],
  [Status.NOT_HERE, "STATUS_NOT_HERE"],
  [Status.BUSY, "STATUS_BUSY"],
  [Status.INVALID, "STATUS_INVALID"],
]);
const STATUSES: ReadonlyMap<unknown, Status> = new Map([...STATUS_NAMES].map(([status, name]) => [name, status]));

export function encodeReplyBody({ toolCallId, status, message }: ReplyBody): string {
  return JSON.stringify({
    toolCallId: toolCallId === "" ? undefined : toolCallId,
    status: STATUS_NAMES.get(status),
    message: message === "" ? undefined : message,
  });
}

export function readReplyBody(text: string): ReplyBody | undefined {
  const body = parsedObject(text, REPLY_FIELDS);
  const { toolCallId = "", message = "" } = body ?? {};
  const status = STATUSES.get(body?.status);
  if (status === undefined || typeof toolCallId !== "string" || typeof message !== "string") return undefined;
  return { toolCallId, status, message };
}

/** A UTF-16 unit takes at most so many bytes in UTF-8. */
const UTF8_MOST = 3;
const MAX_ROOTS = 64;
const MAX_TIMEOUT_MS = 86_400_000;
const MAX_SHORT = 128;

/** What stands in an object of JSON. */
type Fields = { readonly [name: string]: unknown };

const REQUEST_FIELDS: ReadonlySet<string> = new Set([
  ...["toolCallId", "userId", "daemonId", "epoch", "invocation", "byReference"],
]);
const INVOCATION_FIELDS: ReadonlySet<string> = new Set(["toolName", "inputJson", "roots", "timeoutMs", "chatId"]);
const REPLY_FIELDS: ReadonlySet<string> = new Set(["toolCallId", "status", "message"]);

function parsedObject(text: string, fields: ReadonlySet<string>): Fields | undefined {
  try {
    return objectOf(JSON.parse(text), fields);
  } catch {
    return undefined;
  }
}

/** Undefined also where it has other fields: the library knows each by two names, and passes over those it does not know. */
function objectOf(value: unknown, fields: ReadonlySet<string>): Fields | undefined {
  if (!isFields(value)) return undefined;
  for (const name in value) if (!fields.has(name)) return undefined;
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is string {
  return typeof value === "string" && isIdToken(value);
}

function isShort(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_SHORT;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

/** A whole number as protobuf JSON writes 64 bits: as text. */
function countOf(value: unknown): number | undefined {
  return typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
