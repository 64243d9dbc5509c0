import { fromJsonString, type MessageInitShape } from "@bufbuild/protobuf";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import {
  type ToolExecutionReply_Status,
  ToolExecutionReplySchema,
  ToolExecutionRequestSchema,
  type ToolInvocationSchema,
} from "../gen/reliant/v1/tool_pb.ts";
import type { DaemonAddress } from "./daemon-host.ts";
import type { ToolRequest } from "./daemon-router.ts";
import type { MessageCheck } from "./message-check.ts";
import { encodeReplyBody, encodeRequestBody, type RequestBody, readReplyBody, readRequestBody } from "./tool-body.ts";

/** The part of a request that the daemon needs to run the call. */
export function invocationOf(request: ToolRequest): MessageInitShape<typeof ToolInvocationSchema> {
  return {
    toolName: request.toolName,
    inputJson: request.inputJson,
    roots: [...request.roots],
    timeoutMs: BigInt(Math.ceil(request.timeoutMs)),
    chatId: request.chatId,
  };
}

/** The body of a request: protobuf JSON. Where it would be larger than `LIMITS.natsBodyBytes` the input stays in the ledger. */
export function encodeToolRequest(address: DaemonAddress, request: ToolRequest): string {
  const whole = encode(address, request, false);
  return Buffer.byteLength(whole) <= LIMITS.natsBodyBytes ? whole : encode(address, request, true);
}

function encode(address: DaemonAddress, request: ToolRequest, byReference: boolean): string {
  const { toolCallId, toolName, inputJson, roots, timeoutMs, chatId } = request;
  return encodeRequestBody({
    ...{ toolCallId, userId: address.userId, daemonId: address.daemonId, epoch: address.epoch, byReference },
    ...{ toolName, inputJson: byReference ? "" : inputJson, roots, timeoutMs: Math.ceil(timeoutMs), chatId },
  });
}

export interface DecodedToolRequest {
  readonly request: ToolRequest;
  /** True where `inputJson` must still be read from the ledger. */
  readonly byReference: boolean;
}

/** Throws `invalid_argument` for a body that is not a request to exactly that daemon and epoch. */
export function decodeToolRequest(body: string, address: DaemonAddress, check: MessageCheck): DecodedToolRequest {
  const read = readRequestBody(body) ?? decode(body, check);
  if (read.userId !== address.userId || read.daemonId !== address.daemonId || read.epoch !== address.epoch) {
    throw new ReliantError("invalid_argument", "read tool request: user, daemon or epoch are not those of its subject");
  }
  return { byReference: read.byReference, request: requestOf(read) };
}

/** Field by field: what takes all fields but some costs as much as all the rest. */
function requestOf({ toolCallId, userId, daemonId, toolName, inputJson, roots, timeoutMs, chatId }: RequestBody) {
  return { toolCallId, userId, daemonId, toolName, inputJson, roots, timeoutMs, chatId };
}

/** By the library: slower, and tells what is wrong. */
function decode(body: string, check: MessageCheck): RequestBody {
  const message = parse(body);
  const fault = check(ToolExecutionRequestSchema, message);
  if (fault !== undefined) throw new ReliantError("invalid_argument", `read tool request: ${fault}`);
  const { toolCallId, userId, daemonId, invocation, byReference } = message;
  if (invocation === undefined) throw new ReliantError("invalid_argument", "read tool request: it has no invocation");
  const { chatId, toolName, inputJson, roots } = invocation;
  return {
    ...{ toolCallId, userId, daemonId, epoch: Number(message.epoch), byReference },
    ...{ chatId, toolName, inputJson, roots, timeoutMs: Number(invocation.timeoutMs) },
  };
}

function parse(body: string) {
  try {
    return fromJsonString(ToolExecutionRequestSchema, body, { ignoreUnknownFields: true });
  } catch (cause) {
    throw new ReliantError("invalid_argument", `read tool request: ${messageOf(cause)}`, { cause });
  }
}

/** What a gateway answers, and rings with. */
export interface ToolReply {
  readonly toolCallId: string;
  readonly status: ToolExecutionReply_Status;
  readonly message: string;
}

export function encodeToolReply(toolCallId: string, status: ToolExecutionReply_Status, message = ""): string {
  return encodeReplyBody({ toolCallId, status, message });
}

/** Undefined for a body that is no reply. */
export function decodeToolReply(body: string): ToolReply | undefined {
  const quick = readReplyBody(body);
  if (quick !== undefined) return quick;
  try {
    return fromJsonString(ToolExecutionReplySchema, body, { ignoreUnknownFields: true });
  } catch {
    return undefined;
  }
}
