import { create, toBinary } from "@bufbuild/protobuf";
import { ConnectResponseSchema } from "../gen/reliant/v1/daemon_pb.ts";
import type { OutboundFrame } from "./outbound.ts";

type Invocation = NonNullable<Extract<OutboundFrame, { case: "offer" }>["value"]["invocation"]>;
type Stamp = NonNullable<Extract<OutboundFrame, { case: "grant" }>["value"]["stamp"]>;

const SCRATCH_BYTES = 64 * 1024;
/** UTF-16 units of an offer that surely fit, at three bytes each. */
const MOST_UNITS = 16 * 1024;
const SHORT_UNITS = 64;
/** Field numbers of proto/reliant/v1/daemon.proto and tool.proto; all below 16, so that a tag is one byte. */
const OFFER = 4;
const GRANT = 5;
const ACK = 8;
const COUNT = 0;
const BYTES = 2;

/**
 * The frames of a gateway in protobuf's binary form. The three of every call (offer, grant, ack) are written by hand, at
 * a fifth of the library's cost; the others, and what is large or odd, by the library. Both write the same bytes:
 * tests/unit/gateway/frame-bytes.test.ts. One for all connections, because nothing is kept between two frames.
 */
export class FrameBytes {
  private readonly scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  /** Written from the end to the beginning: the length of a message is known when its head is written. */
  private at = SCRATCH_BYTES;

  /** Good until the next one. */
  of(frame: OutboundFrame): Uint8Array {
    this.at = SCRATCH_BYTES;
    if (!this.write(frame)) return toBinary(ConnectResponseSchema, create(ConnectResponseSchema, { frame }));
    return this.scratch.subarray(this.at);
  }

  /** False: the library must write it. */
  private write(frame: OutboundFrame): boolean {
    switch (frame.case) {
      case "ack":
        this.text(1, frame.value.toolCallId);
        this.head(ACK, SCRATCH_BYTES);
        return true;
      case "grant":
        if (!this.stamp(frame.value.stamp)) return false;
        this.text(1, frame.value.toolCallId);
        this.head(GRANT, SCRATCH_BYTES);
        return true;
      case "offer": {
        const { toolCallId = "", invocation, traceparent = "" } = frame.value;
        if (invocation === undefined || unitsOf(invocation) + traceparent.length > MOST_UNITS) return false;
        this.text(3, traceparent);
        if (!this.invocation(invocation)) return false;
        this.text(1, toolCallId);
        this.head(OFFER, SCRATCH_BYTES);
        return true;
      }
      default:
        return false;
    }
  }

  private invocation({ toolName, inputJson, roots = [], timeoutMs, chatId }: Invocation): boolean {
    const end = this.at;
    this.text(5, chatId);
    if (!this.count(4, timeoutMs)) return false;
    for (const root of roots.toReversed()) this.anyText(3, root);
    this.text(2, inputJson);
    this.text(1, toolName);
    this.head(2, end);
    return true;
  }

  private stamp(stamp: Stamp | undefined): boolean {
    if (stamp === undefined) return true;
    const end = this.at;
    if (!this.count(2, stamp.monotonicMs) || !this.count(1, stamp.wallMs)) return false;
    this.head(2, end);
    return true;
  }

  /** Nothing where it is empty, as protobuf does with fields that stand alone. */
  private text(field: number, text = ""): void {
    if (text !== "") this.anyText(field, text);
  }

  private anyText(field: number, text: string): void {
    const end = this.at;
    if (!this.shortAscii(text)) {
      this.at = end - Buffer.byteLength(text);
      this.scratch.write(text, this.at);
    }
    this.head(field, end);
  }

  private shortAscii(text: string): boolean {
    if (text.length > SHORT_UNITS) return false;
    let at = this.at;
    for (let index = text.length - 1; index >= 0; index--) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) return false;
      this.scratch[--at] = unit;
    }
    this.at = at;
    return true;
  }

  /** False for one that a number does not hold. */
  private count(field: number, value = 0n): boolean {
    const count = Number(value);
    if (count < 0 || !Number.isSafeInteger(count)) return false;
    if (count === 0) return true;
    this.varint(count);
    this.scratch[--this.at] = (field << 3) | COUNT;
    return true;
  }

  /** The tag and the length of what stands between here and `end`. */
  private head(field: number, end: number): void {
    this.varint(end - this.at);
    this.scratch[--this.at] = (field << 3) | BYTES;
  }

  private varint(value: number): void {
    let bytes = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
    this.at -= bytes;
    let rest = value;
    for (let index = 0; index < bytes - 1; index++) {
      this.scratch[this.at + index] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.scratch[this.at + bytes - 1] = rest;
  }
}

/** Each root counts for its head, too. */
function unitsOf({ toolName = "", inputJson = "", roots = [], chatId = "" }: Invocation): number {
  const texts = toolName.length + inputJson.length + chatId.length;
  return roots.reduce((sum, root) => sum + root.length + 4, texts);
}
