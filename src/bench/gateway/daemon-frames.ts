import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { CallResult_Ending, ConnectRequestSchema } from "../../gen/reliant/v1/daemon_pb.ts";
import { dataFrame } from "./raw-http2.ts";

type Frame = NonNullable<MessageInitShape<typeof ConnectRequestSchema>["frame"]>;

/** What a gateway's frame is, as far as a measuring daemon looks: field numbers of ConnectResponse. */
export type GatewayFrame =
  | { readonly kind: "welcome" | "refused" | "other" }
  | { readonly kind: "offer" | "grant" | "ack"; readonly toolCallId: Uint8Array };

const FIELD = { welcome: 1, refused: 2, offer: 4, grant: 5, ack: 8 } as const;
const OTHER: GatewayFrame = { kind: "other" };
const WELCOME: GatewayFrame = { kind: "welcome" };
const REFUSED: GatewayFrame = { kind: "refused" };

/** Reads which field of the oneof it is and, of an offer, grant or ack, the call's id, which is written first. */
export function readGatewayFrame(bytes: Uint8Array): GatewayFrame {
  switch ((bytes[0] ?? 0) >> 3) {
    case FIELD.welcome:
      return WELCOME;
    case FIELD.refused:
      return REFUSED;
    case FIELD.offer:
      return { kind: "offer", toolCallId: firstText(bytes) };
    case FIELD.grant:
      return { kind: "grant", toolCallId: firstText(bytes) };
    case FIELD.ack:
      return { kind: "ack", toolCallId: firstText(bytes) };
    default:
      return OTHER;
  }
}

/** Field 1 of the message in the first field: skips its head, whose length may take several bytes. */
function firstText(bytes: Uint8Array): Uint8Array {
  let at = 1;
  while (((bytes[at] ?? 0) & 0x80) !== 0) at += 1;
  const length = bytes[at + 2] ?? 0;
  return bytes.subarray(at + 3, at + 3 + length);
}

export interface DaemonIdentity {
  readonly daemonId: string;
  readonly instanceId: string;
  readonly journalId: string;
}

export function helloFrame(daemon: DaemonIdentity, startCount: number, lastEpoch: number): Buffer {
  const hello = { ...daemon, startCount: BigInt(startCount), lastEpoch: BigInt(lastEpoch), protocolVersion: 1 };
  return encoded({ case: "hello", value: hello });
}

export function heartbeatFrame(): Buffer {
  return encoded({ case: "heartbeat", value: { sequence: 1n } });
}

/** Frames about one call after another, made from one encoded frame each: only the id differs, which is always as long. */
export class CallFrames {
  private readonly ready: Template;
  private readonly result: Template;

  constructor(journalId: string, resultBytes: number, idBytes: number) {
    const toolCallId = "#".repeat(idBytes);
    const stamp = { wallMs: 1_700_000_000_000n, monotonicMs: 1_000_000n };
    const ending = CallResult_Ending.FINISHED;
    this.ready = new Template(encoded({ case: "ready", value: { toolCallId, journalId, stamp } }), toolCallId);
    const result = { text: "x".repeat(resultBytes) };
    this.result = new Template(
      encoded({ case: "result", value: { toolCallId, journalId, ending, result } }),
      toolCallId,
    );
  }

  readyFor(toolCallId: Uint8Array): Buffer {
    return this.ready.withId(toolCallId);
  }

  resultFor(toolCallId: Uint8Array): Buffer {
    return this.result.withId(toolCallId);
  }
}

class Template {
  private readonly at: number;

  constructor(
    private readonly bytes: Buffer,
    placeholder: string,
  ) {
    this.at = bytes.indexOf(placeholder);
  }

  withId(id: Uint8Array): Buffer {
    const bytes = Buffer.from(this.bytes);
    bytes.set(id, this.at);
    return bytes;
  }
}

function encoded(frame: Frame): Buffer {
  return dataFrame(toBinary(ConnectRequestSchema, create(ConnectRequestSchema, { frame })));
}
