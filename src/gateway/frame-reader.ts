import { fromBinary } from "@bufbuild/protobuf";
import { messageOf, ReliantError } from "../core/errors.ts";
import { isIdToken } from "../core/ids.ts";
import {
  type CallResult,
  type ConnectRequest,
  ConnectRequestSchema,
  type Heartbeat,
  type Ready,
  type Stamp,
} from "../gen/reliant/v1/daemon_pb.ts";
import type { ToolResult } from "../gen/reliant/v1/tool_pb.ts";

/** Tags of proto/reliant/v1/daemon.proto and tool.proto, as they stand on the wire: field number and kind. */
const HEARTBEAT = tag(2, "bytes");
const READY = tag(3, "bytes");
const RESULT = tag(4, "bytes");

function tag(field: number, kind: "count" | "bytes"): number {
  return (field << 3) | (kind === "bytes" ? 2 : 0);
}

const COUNT_1 = tag(1, "count");
const COUNT_2 = tag(2, "count");
const COUNT_3 = tag(3, "count");
const BYTES_1 = tag(1, "bytes");
const BYTES_2 = tag(2, "bytes");
const BYTES_3 = tag(3, "bytes");
const BYTES_4 = tag(4, "bytes");

/** Bytes of a count that a number surely holds: 49 bits. Longer ones are the library's. */
const COUNT_BYTES = 7;
/** What UTF-8 decoding puts in the place of bytes that are none: then the library says what is wrong. */
const REPLACEMENT = "\ufffd";
const NOTHING = Buffer.alloc(0);

/**
 * The frames of a daemon from protobuf's binary form. Those of every call (ready, result) and heartbeats are read by
 * hand, at a fifth of the library's cost, where they have the usual form: known fields, each once and in order, ids that
 * are ids. All others are read by the library, which also says what is wrong. Both read the same:
 * tests/unit/gateway/frame-reader.test.ts. One for all connections, because nothing is kept between two frames.
 */
export class FrameReader {
  private bytes: Buffer = NOTHING;
  private at = 0;
  /** Something has not the usual form. */
  private odd = false;

  /** Throws `invalid_argument` for bytes that are no frame. */
  of(message: Uint8Array): ConnectRequest {
    return this.quick(message) ?? byLibrary(message);
  }

  /** Undefined: it has not the usual form. */
  private quick(message: Uint8Array): ConnectRequest | undefined {
    this.bytes = Buffer.isBuffer(message) ? message : Buffer.from(message.buffer, message.byteOffset, message.length);
    this.at = 1;
    this.odd = false;
    const end = message.length;
    const read = this.frame(message[0], end);
    this.bytes = NOTHING;
    return this.odd || this.at !== end ? undefined : read;
  }

  private frame(kind: number | undefined, end: number): ConnectRequest | undefined {
    if (kind !== HEARTBEAT && kind !== READY && kind !== RESULT) return undefined;
    if (this.end(end) !== end) return undefined;
    switch (kind) {
      case HEARTBEAT: {
        const value: Heartbeat = { $typeName: "reliant.v1.Heartbeat", sequence: BigInt(this.count(COUNT_1, end)) };
        return { $typeName: "reliant.v1.ConnectRequest", frame: { case: "heartbeat", value } };
      }
      case READY:
        return { $typeName: "reliant.v1.ConnectRequest", frame: { case: "ready", value: this.ready(end) } };
      default:
        return { $typeName: "reliant.v1.ConnectRequest", frame: { case: "result", value: this.result(end) } };
    }
  }

  private ready(end: number): Ready {
    const toolCallId = this.id(BYTES_1, end);
    const journalId = this.id(BYTES_2, end);
    // The rules ask for it: without it, the library says so.
    const stamp = this.stamp(end);
    return { $typeName: "reliant.v1.Ready", toolCallId, journalId, stamp };
  }

  private stamp(outer: number): Stamp {
    const end = this.begin(BYTES_3, outer);
    if (end === undefined) this.odd = true;
    const wallMs = BigInt(this.count(COUNT_1, end ?? 0));
    const monotonicMs = BigInt(this.count(COUNT_2, end ?? 0));
    if (this.at !== end) this.odd = true;
    return { $typeName: "reliant.v1.Stamp", wallMs, monotonicMs };
  }

  private result(end: number): CallResult {
    const toolCallId = this.id(BYTES_1, end);
    const journalId = this.id(BYTES_2, end);
    const ending = this.count(COUNT_3, end);
    if (ending > 0x7f) this.odd = true;
    const result = this.toolResult(end);
    const read: CallResult = { $typeName: "reliant.v1.CallResult", toolCallId, journalId, ending };
    if (result !== undefined) read.result = result;
    return read;
  }

  private toolResult(outer: number): ToolResult | undefined {
    const end = this.begin(BYTES_4, outer);
    if (end === undefined) return undefined;
    const text = this.text(BYTES_1, end);
    const isError = this.count(COUNT_2, end) !== 0;
    const detailsJson = this.text(BYTES_4, end);
    if (this.at !== end) this.odd = true;
    return { $typeName: "reliant.v1.ToolResult", text, isError, images: [], detailsJson };
  }

  private id(tag: number, outer: number): string {
    const end = this.begin(tag, outer) ?? this.at;
    // One that has other bytes than ASCII is not an id, however it is decoded.
    const id = this.bytes.toString("latin1", this.at, end);
    if (!isIdToken(id)) this.odd = true;
    this.at = end;
    return id;
  }

  /** Empty where the field is not there. */
  private text(tag: number, outer: number): string {
    const end = this.begin(tag, outer);
    if (end === undefined) return "";
    const text = this.bytes.toString("utf8", this.at, end);
    if (text.includes(REPLACEMENT)) this.odd = true;
    this.at = end;
    return text;
  }

  /** 0 where the field is not there. */
  private count(tag: number, end: number): number {
    if (this.at >= end || this.bytes[this.at] !== tag) return 0;
    this.at += 1;
    return this.varint(end);
  }

  /** Where the field's bytes end; undefined: it is not there. */
  private begin(tag: number, outer: number): number | undefined {
    if (this.at >= outer || this.bytes[this.at] !== tag) return undefined;
    this.at += 1;
    return this.end(outer);
  }

  /** Reads a length. */
  private end(outer: number): number {
    const length = this.varint(outer);
    if (length <= outer - this.at) return this.at + length;
    this.odd = true;
    return this.at;
  }

  private varint(end: number): number {
    let value = 0;
    let unit = 1;
    for (let read = 0; read < COUNT_BYTES && this.at < end; read++) {
      const byte = this.bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 0x80;
    }
    this.odd = true;
    return 0;
  }
}

function byLibrary(message: Uint8Array): ConnectRequest {
  try {
    return fromBinary(ConnectRequestSchema, message);
  } catch (cause) {
    throw new ReliantError("invalid_argument", `read a frame of the daemon: ${messageOf(cause)}`, { cause });
  }
}
