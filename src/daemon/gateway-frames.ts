import { create } from "@bufbuild/protobuf";
import type { Stamp } from "../core/clock.ts";
import { isIdToken } from "../core/ids.ts";
import { LIMITS } from "../core/limits.ts";
import {
  CallResult_Ending,
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  Output_Channel,
  Refused_Reason,
} from "../gen/reliant/v1/daemon_pb.ts";
import { OUR_PROTOCOL, type ProtocolRange, protocolRange } from "../routing/daemon-protocol.ts";
import { unknownKinds } from "../routing/unknown-frames.ts";
import type { OutputChannel } from "../tools/tool.ts";
import type { CallFrame, DeskEffect } from "./call-desk.ts";
import type { CallEnding } from "./journal.ts";

/** Why a gateway does not take a connection. */
export type RefusalReason = "epoch" | "journal" | "replaced" | "protocol" | "identity" | "token" | "other";

/** A frame from the gateway, checked. */
export type GatewayFrame =
  | CallFrame
  | {
      readonly kind: "welcome";
      readonly daemonId: string;
      readonly userId: string;
      readonly epoch: number;
      readonly gatewayId: string;
      /** What both speak on this connection. */
      readonly protocolVersion: number;
      readonly capabilities: readonly string[];
    }
  | {
      readonly kind: "refused";
      readonly reason: RefusalReason;
      readonly epoch: number;
      readonly message: string;
      /** Of the gateway, where it tells. */
      readonly protocol?: ProtocolRange;
    }
  | { readonly kind: "heartbeat" }
  | { readonly kind: "output_credit"; readonly toolCallId: string; readonly bytes: number }
  | { readonly kind: "load_config"; readonly commandId: string }
  | { readonly kind: "online"; readonly commandId: string }
  | { readonly kind: "drain"; readonly withinMs: number }
  | { readonly kind: "bad_offer"; readonly toolCallId: string; readonly message: string }
  | { readonly kind: "unknown_command"; readonly commandId: string }
  /** Not understood: from a newer gateway, or malformed. */
  | { readonly kind: "unknown"; readonly what: string };

/** Who this daemon is, as `hello` tells it. */
export interface HelloFields {
  /** Empty: the gateway gives one. */
  readonly daemonId: string;
  readonly userId: string;
  readonly instanceId: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
  readonly platform: string;
  readonly capabilities: readonly string[];
}

export function helloFrame(
  fields: HelloFields,
  now: { journalId: string; startCount: number; lastEpoch: number; runningIds: readonly string[] },
): ConnectRequest {
  return create(ConnectRequestSchema, {
    frame: {
      case: "hello",
      value: {
        ...fields,
        labels: { ...fields.labels },
        capabilities: [...fields.capabilities],
        journalId: now.journalId,
        startCount: BigInt(now.startCount),
        lastEpoch: BigInt(now.lastEpoch),
        runningToolCallIds: [...now.runningIds],
        protocolVersion: OUR_PROTOCOL.max,
        minProtocolVersion: OUR_PROTOCOL.min,
      },
    },
  });
}

export function heartbeatFrame(sequence: number): ConnectRequest {
  return create(ConnectRequestSchema, { frame: { case: "heartbeat", value: { sequence: BigInt(sequence) } } });
}

export function commandResultFrame(commandId: string, answer: { ok: boolean; message: string }): ConnectRequest {
  const message = answer.message.slice(0, 4000);
  return create(ConnectRequestSchema, {
    frame: { case: "commandResult", value: { commandId, ok: answer.ok, message } },
  });
}

export function outputFrame(chunk: {
  toolCallId: string;
  channel: OutputChannel;
  offset: number;
  gapBytes: number;
  data: Uint8Array<ArrayBuffer>;
}): ConnectRequest {
  return create(ConnectRequestSchema, {
    frame: {
      case: "output",
      value: {
        toolCallId: chunk.toolCallId,
        channel: chunk.channel === "stdout" ? Output_Channel.STDOUT : Output_Channel.STDERR,
        offset: BigInt(chunk.offset),
        gapBytes: BigInt(chunk.gapBytes),
        data: chunk.data,
      },
    },
  });
}

/** The frame of what the desk wants to be said. */
export function deskFrame(
  effect: Extract<DeskEffect, { kind: "send_ready" | "send_result" | "refuse_offer" }>,
  journalId: string,
): ConnectRequest {
  const { toolCallId } = effect;
  switch (effect.kind) {
    case "send_ready": {
      const stamp = { wallMs: BigInt(effect.stamp.wallMs), monotonicMs: BigInt(effect.stamp.monotonicMs) };
      return create(ConnectRequestSchema, { frame: { case: "ready", value: { toolCallId, journalId, stamp } } });
    }
    case "send_result":
      return create(ConnectRequestSchema, {
        frame: {
          case: "result",
          value: {
            toolCallId,
            journalId,
            ending: ENDINGS[effect.ending],
            ...(effect.result === undefined ? {} : { result: resultMessage(effect.result) }),
          },
        },
      });
    case "refuse_offer":
      return create(ConnectRequestSchema, {
        frame: { case: "offerRefused", value: { toolCallId, message: effect.message.slice(0, 4000) } },
      });
  }
}

function resultMessage(result: NonNullable<Extract<DeskEffect, { kind: "send_result" }>["result"]>) {
  return {
    text: result.text,
    isError: result.isError,
    images: (result.images ?? []).map(({ mediaType, data }) => ({ mediaType, data: Uint8Array.fromBase64(data) })),
    detailsJson: result.details === undefined ? "" : JSON.stringify(result.details),
  };
}

const ENDINGS: Readonly<Record<CallEnding, CallResult_Ending>> = {
  finished: CallResult_Ending.FINISHED,
  cancelled: CallResult_Ending.CANCELLED,
  not_started: CallResult_Ending.NOT_STARTED,
  timed_out: CallResult_Ending.TIMED_OUT,
  gone: CallResult_Ending.GONE,
  denied: CallResult_Ending.DENIED,
};

const REASONS: Readonly<Record<Refused_Reason, RefusalReason>> = {
  [Refused_Reason.UNSPECIFIED]: "other",
  [Refused_Reason.EPOCH]: "epoch",
  [Refused_Reason.JOURNAL]: "journal",
  [Refused_Reason.REPLACED]: "replaced",
  [Refused_Reason.PROTOCOL]: "protocol",
  [Refused_Reason.IDENTITY]: "identity",
  [Refused_Reason.TOKEN]: "token",
};

/** The gateway's frame as ours. Ids that are not one token are not understood: they cannot be answered. */
export function readGatewayFrame(response: ConnectResponse): GatewayFrame {
  const { frame } = response;
  switch (frame.case) {
    case "welcome": {
      const { daemonId, userId, gatewayId, epoch, protocolVersion, capabilities } = frame.value;
      if (!isIdToken(daemonId) || epoch <= 0n) return unknown("welcome without daemon id or epoch");
      return { kind: "welcome", daemonId, userId, gatewayId, epoch: Number(epoch), protocolVersion, capabilities };
    }
    case "refused": {
      const { reason, currentEpoch, message, minProtocolVersion: min, maxProtocolVersion: max } = frame.value;
      const told = { reason: REASONS[reason] ?? "other", epoch: Number(currentEpoch), message } as const;
      return { kind: "refused", ...told, ...(max > 0 ? { protocol: protocolRange(max, min) } : {}) };
    }
    case "heartbeat":
      return { kind: "heartbeat" };
    case "command": {
      const { commandId, command } = frame.value;
      if (command.case === "loadConfig") return { kind: "load_config", commandId };
      if (command.case === "online") return { kind: "online", commandId };
      return { kind: "unknown_command", commandId };
    }
    case "drain":
      return { kind: "drain", withinMs: Number(frame.value.withinMs) };
    case undefined:
      return unknown(unknownKinds(response));
    default:
      return isIdToken(frame.value.toolCallId) ? readCallFrame(frame) : unknown(`${frame.case} without an id`);
  }
}

type CallCase = Extract<
  ConnectResponse["frame"],
  { case: "offer" | "grant" | "withdraw" | "cancel" | "ack" | "outputCredit" }
>;

function readCallFrame(frame: CallCase): GatewayFrame {
  const { toolCallId } = frame.value;
  switch (frame.case) {
    case "offer": {
      const { invocation } = frame.value;
      if (invocation === undefined || invocation.toolName === "") {
        return { kind: "bad_offer", toolCallId, message: "offer without an invocation" };
      }
      const { toolName, inputJson, roots, chatId } = invocation;
      const timeoutMs = Number(invocation.timeoutMs);
      if (timeoutMs <= 0 || Buffer.byteLength(inputJson) > LIMITS.toolInputBytes) {
        return { kind: "bad_offer", toolCallId, message: "offer with a time or an input out of bounds" };
      }
      return { kind: "offer", toolCallId, invocation: { toolName, inputJson, roots, timeoutMs, chatId } };
    }
    case "grant":
      return { kind: "grant", toolCallId, stamp: readStamp(frame.value.stamp) };
    case "withdraw":
    case "ack":
      return { kind: frame.case, toolCallId };
    case "cancel":
      return { kind: "cancel", toolCallId, kill: frame.value.kill };
    case "outputCredit":
      return { kind: "output_credit", toolCallId, bytes: Number(frame.value.bytes) };
  }
}

function readStamp(stamp: { wallMs: bigint; monotonicMs: bigint } | undefined): Stamp | undefined {
  return stamp === undefined ? undefined : { wallMs: Number(stamp.wallMs), monotonicMs: Number(stamp.monotonicMs) };
}

function unknown(what: string): GatewayFrame {
  return { kind: "unknown", what };
}
