import { create } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ChatEvent, ChatUpdate, LiveBlockKind, ProviderWait, ToolOutputChunk } from "../chat/chat-update.ts";
import type * as domain from "../chat/message.ts";
import type { ToolCallState as LedgerState } from "../chat/tool-call.ts";
import { unreachable } from "../core/errors.ts";
import * as chatpb from "../gen/reliant/v1/chat_pb.ts";
import { type Daemon as DaemonMessage, DaemonSchema } from "../gen/reliant/v1/daemon_admin_pb.ts";
import { type Project as ProjectMessage, ProjectSchema } from "../gen/reliant/v1/project_pb.ts";
import { type Token as TokenMessage, TokenSchema, TokenScope } from "../gen/reliant/v1/token_pb.ts";
import { type ToolResult as ToolResultMessage, ToolResultSchema } from "../gen/reliant/v1/tool_pb.ts";
import * as updatepb from "../gen/reliant/v1/update_pb.ts";
import type { Daemon } from "../store/daemons.ts";
import type { Project } from "../store/projects.ts";
import type { Token } from "../store/tokens.ts";

/** Ours → the wire. Every switch is exhaustive: a new kind of block or event shows here first. */

export function chatMessage(chat: domain.Chat): chatpb.Chat {
  return create(chatpb.ChatSchema, {
    id: chat.id,
    projectId: chat.projectId ?? "",
    title: chat.title,
    model: chat.model,
    daemonId: chat.daemonId ?? "",
    sequence: BigInt(chat.sequence),
    ...(chat.run === undefined ? {} : { run: runMessage(chat.run) }),
    createdAt: time(chat.createdAtMs),
    updatedAt: time(chat.updatedAtMs),
  });
}

export function runMessage(run: domain.Run): chatpb.Run {
  return create(chatpb.RunSchema, {
    id: run.id,
    state: RUN_STATES[run.state],
    cancelRequested: run.cancelRequested,
    errorCode: run.error?.code ?? "",
    errorMessage: run.error?.message ?? "",
    startedAt: time(run.startedAtMs),
    ...(run.endedAtMs === undefined ? {} : { endedAt: time(run.endedAtMs) }),
  });
}

export function messageMessage(message: domain.Message): chatpb.Message {
  return create(chatpb.MessageSchema, {
    id: message.id,
    chatId: message.chatId,
    position: BigInt(message.position),
    role: ROLES[message.role],
    state: MESSAGE_STATES[message.state],
    blocks: message.blocks.map(blockMessage),
    model: message.model ?? "",
    ...(message.usage === undefined ? {} : { usage: usageMessage(message.usage) }),
    errorCode: message.error?.code ?? "",
    errorMessage: message.error?.message ?? "",
    createdAt: time(message.createdAtMs),
  });
}

function usageMessage(usage: domain.Usage): chatpb.Usage {
  return create(chatpb.UsageSchema, {
    inputTokens: BigInt(usage.inputTokens),
    outputTokens: BigInt(usage.outputTokens),
    cachedInputTokens: BigInt(usage.cachedInputTokens),
    reasoningTokens: BigInt(usage.reasoningTokens),
  });
}

function blockMessage(block: domain.ContentBlock): chatpb.ContentBlock {
  const content = blockContent(block);
  return create(chatpb.ContentBlockSchema, { content });
}

function blockContent(block: domain.ContentBlock): chatpb.ContentBlock["content"] {
  switch (block.kind) {
    case "text":
      return { case: "text", value: create(chatpb.TextBlockSchema, { text: block.text }) };
    case "thinking":
      return { case: "thinking", value: create(chatpb.ThinkingBlockSchema, { text: block.text }) };
    case "tool_call":
      return {
        case: "toolCall",
        value: create(chatpb.ToolCallBlockSchema, {
          toolCallId: block.toolCallId,
          name: block.name,
          inputJson: JSON.stringify(block.input),
        }),
      };
    case "tool_result":
      return {
        case: "toolResult",
        value: create(chatpb.ToolResultBlockSchema, {
          toolCallId: block.toolCallId,
          state: toolCallState(block.outcome),
          result: toolResultMessage(block.result),
        }),
      };
    case "image":
      return {
        case: "image",
        value: create(chatpb.ImageBlockSchema, { mediaType: block.mediaType, data: bytes(block.data) }),
      };
    case "file":
      return {
        case: "file",
        value: create(chatpb.FileBlockSchema, {
          name: block.name,
          mediaType: block.mediaType,
          data: bytes(block.data),
        }),
      };
    default:
      return unreachable(block);
  }
}

function toolResultMessage(result: domain.ToolResult): ToolResultMessage {
  return create(ToolResultSchema, {
    text: result.text,
    isError: result.isError,
    images: (result.images ?? []).map((image) => ({ mediaType: image.mediaType, data: bytes(image.data) })),
    detailsJson: result.details === undefined ? "" : JSON.stringify(result.details),
  });
}

export function chatUpdateMessage(update: ChatUpdate): updatepb.ChatUpdate {
  return create(updatepb.ChatUpdateSchema, {
    chatId: update.chatId,
    sequence: BigInt(update.sequence),
    event: chatEvent(update.event),
  });
}

function chatEvent(event: ChatEvent): updatepb.ChatUpdate["event"] {
  switch (event.kind) {
    case "message":
      return { case: "message", value: messageMessage(event.message) };
    case "attempt_started":
      return {
        case: "attemptStarted",
        value: create(updatepb.AttemptStartedSchema, { messageId: event.messageId, attempt: event.attempt }),
      };
    case "provider_waiting":
      return {
        case: "providerWaiting",
        value: create(updatepb.ProviderWaitingSchema, {
          messageId: event.messageId,
          attempt: event.attempt,
          until: time(event.untilMs),
          errorCode: event.reason.code,
          errorMessage: event.reason.message,
        }),
      };
    case "tool_call":
      return {
        case: "toolCall",
        value: create(updatepb.ToolCallChangedSchema, {
          toolCallId: event.toolCallId,
          messageId: event.messageId,
          name: event.name,
          state: toolCallState(event.state),
          daemonId: event.daemonId ?? "",
        }),
      };
    case "run":
      return { case: "run", value: runMessage(event.run) };
    default:
      // Written by a newer server in a rolling upgrade: the number alone, so that the stream has no gap.
      event satisfies never;
      return { case: undefined };
  }
}

export function providerWaitMessage({
  chatId,
  messageId,
  attempt,
  untilMs,
  reason,
}: ProviderWait): chatpb.ProviderWait {
  return create(chatpb.ProviderWaitSchema, {
    ...{ chatId, messageId, attempt, until: time(untilMs) },
    ...{ errorCode: reason.code, errorMessage: reason.message },
  });
}

/** A stretch of a block that is being written, from a byte offset on. */
export function deltaMessage(delta: {
  readonly chatId: string;
  readonly messageId: string;
  readonly attempt: number;
  readonly blockIndex: number;
  readonly blockKind: LiveBlockKind;
  readonly offset: number;
  readonly text: string;
  readonly toolName?: string;
}): updatepb.BlockDelta {
  return create(updatepb.BlockDeltaSchema, {
    chatId: delta.chatId,
    messageId: delta.messageId,
    attempt: delta.attempt,
    blockIndex: delta.blockIndex,
    kind: DELTA_KINDS[delta.blockKind],
    offset: BigInt(delta.offset),
    text: delta.text,
    toolName: delta.toolName ?? "",
  });
}

export function toolOutputMessage(chunk: ToolOutputChunk): updatepb.ToolOutput {
  return create(updatepb.ToolOutputSchema, {
    chatId: chunk.chatId,
    toolCallId: chunk.toolCallId,
    channel: chunk.channel === "stdout" ? updatepb.ToolOutput_Channel.STDOUT : updatepb.ToolOutput_Channel.STDERR,
    offset: BigInt(chunk.offset),
    data: bytes(chunk.data),
    gapBytes: BigInt(chunk.gapBytes),
  });
}

export function projectMessage(project: Project): ProjectMessage {
  return create(ProjectSchema, {
    id: project.id,
    name: project.name,
    path: project.path,
    createdAt: time(project.createdAtMs),
  });
}

export function tokenMessage(token: Token): TokenMessage {
  return create(TokenSchema, {
    id: token.id,
    name: token.name,
    prefix: token.prefix,
    scope: token.scope === "api" ? TokenScope.API : TokenScope.DAEMON,
    createdAt: time(token.createdAtMs),
    ...(token.expiresAtMs === undefined ? {} : { expiresAt: time(token.expiresAtMs) }),
    ...(token.revokedAtMs === undefined ? {} : { revokedAt: time(token.revokedAtMs) }),
  });
}

/** `online`: connected, and seen lately: the caller knows what time it is. */
export function daemonMessage(daemon: Daemon, online: boolean): DaemonMessage {
  return create(DaemonSchema, {
    id: daemon.id,
    name: daemon.name,
    labels: { ...daemon.labels },
    online,
    gatewayId: daemon.gatewayId ?? "",
    platform: daemon.platform,
    version: daemon.version,
    createdAt: time(daemon.createdAtMs),
    ...(daemon.lastSeenAtMs === undefined ? {} : { lastSeenAt: time(daemon.lastSeenAtMs) }),
  });
}

function toolCallState(state: LedgerState): chatpb.ToolCallState {
  return TOOL_CALL_STATES[state];
}

function time(ms: number): Timestamp {
  return timestampFromMs(ms);
}

function bytes(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}

const ROLES: Readonly<Record<domain.Role, chatpb.Role>> = {
  user: chatpb.Role.USER,
  assistant: chatpb.Role.ASSISTANT,
  tool: chatpb.Role.TOOL,
};

const MESSAGE_STATES: Readonly<Record<domain.MessageState, chatpb.MessageState>> = {
  open: chatpb.MessageState.OPEN,
  complete: chatpb.MessageState.COMPLETE,
  interrupted: chatpb.MessageState.INTERRUPTED,
  failed: chatpb.MessageState.FAILED,
};

const RUN_STATES: Readonly<Record<domain.RunState, chatpb.RunState>> = {
  running: chatpb.RunState.RUNNING,
  succeeded: chatpb.RunState.SUCCEEDED,
  failed: chatpb.RunState.FAILED,
  cancelled: chatpb.RunState.CANCELLED,
};

const TOOL_CALL_STATES: Readonly<Record<LedgerState, chatpb.ToolCallState>> = {
  requested: chatpb.ToolCallState.REQUESTED,
  dispatched: chatpb.ToolCallState.DISPATCHED,
  running: chatpb.ToolCallState.RUNNING,
  succeeded: chatpb.ToolCallState.SUCCEEDED,
  failed: chatpb.ToolCallState.FAILED,
  denied: chatpb.ToolCallState.DENIED,
  cancelled: chatpb.ToolCallState.CANCELLED,
  timed_out: chatpb.ToolCallState.TIMED_OUT,
  unknown: chatpb.ToolCallState.UNKNOWN,
};

const DELTA_KINDS: Readonly<Record<LiveBlockKind, updatepb.BlockDelta_Kind>> = {
  text: updatepb.BlockDelta_Kind.TEXT,
  thinking: updatepb.BlockDelta_Kind.THINKING,
  tool_input: updatepb.BlockDelta_Kind.TOOL_INPUT,
};
