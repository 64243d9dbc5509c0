import { create, fromJsonString, type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import {
  type ToolExecutionReply,
  type ToolExecutionReply_Status,
  ToolExecutionReplySchema,
  ToolExecutionRequestSchema,
  type ToolInvocationSchema,
} from "../gen/reliant/v1/tool_pb.ts";
import type { DaemonAddress } from "./daemon-host.ts";
import type { ToolRequest } from "./daemon-router.ts";
import type { MessageCheck } from "./message-check.ts";

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
  const invocation = invocationOf(request);
  const message = create(ToolExecutionRequestSchema, {
    toolCallId: request.toolCallId,
    userId: address.userId,
    daemonId: address.daemonId,
    epoch: BigInt(address.epoch),
    invocation: byReference ? { ...invocation, inputJson: "" } : invocation,
    byReference,
  });
  return toJsonString(ToolExecutionRequestSchema, message);
}

export interface DecodedToolRequest {
  readonly request: ToolRequest;
  /** True where `inputJson` must still be read from the ledger. */
  readonly byReference: boolean;
}

/** Throws `invalid_argument` for a body that is not a request to exactly that daemon and epoch. */
export function decodeToolRequest(body: string, address: DaemonAddress, check: MessageCheck): DecodedToolRequest {
  const message = decode(body);
  const fault = check(ToolExecutionRequestSchema, message);
  if (fault !== undefined) throw new ReliantError("invalid_argument", `read tool request: ${fault}`);
  const { userId, daemonId, invocation } = message;
  if (userId !== address.userId || daemonId !== address.daemonId || message.epoch !== BigInt(address.epoch)) {
    throw new ReliantError("invalid_argument", "read tool request: user, daemon or epoch are not those of its subject");
  }
  if (invocation === undefined) throw new ReliantError("invalid_argument", "read tool request: it has no invocation");
  return {
    byReference: message.byReference,
    request: {
      toolCallId: message.toolCallId,
      chatId: invocation.chatId,
      userId,
      daemonId,
      toolName: invocation.toolName,
      inputJson: invocation.inputJson,
      roots: invocation.roots,
      timeoutMs: Number(invocation.timeoutMs),
    },
  };
}

function decode(body: string) {
  try {
    return fromJsonString(ToolExecutionRequestSchema, body, { ignoreUnknownFields: true });
  } catch (cause) {
    throw new ReliantError("invalid_argument", `read tool request: ${messageOf(cause)}`, { cause });
  }
}

export function encodeToolReply(toolCallId: string, status: ToolExecutionReply_Status, message = ""): string {
  return toJsonString(ToolExecutionReplySchema, create(ToolExecutionReplySchema, { toolCallId, status, message }));
}

/** Undefined for a body that is no reply. */
export function decodeToolReply(body: string): ToolExecutionReply | undefined {
  try {
    return fromJsonString(ToolExecutionReplySchema, body, { ignoreUnknownFields: true });
  } catch {
    return undefined;
  }
}
