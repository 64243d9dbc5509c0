/** HTTP/2 frames by hand (RFC 9113 §4, RFC 7541 §6.2.2), as little of them as one gRPC stream of a measuring client needs. */

export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
export const ACK = 0x1;
export const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** Settings of the peer before it says others, and the largest frame that it takes. */
export const INITIAL_WINDOW = 65_535;
const HEADER_BYTES = 9;
/** What we let the peer send before it must be told that we took it. */
export const OUR_WINDOW = 1024 * 1024;
const SETTING_INITIAL_WINDOW = 4;

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(streamId, 5);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

export function windowUpdate(streamId: number, bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(bytes);
  return frame(FRAME.windowUpdate, 0, streamId, payload);
}

/** All that goes out before the first message: preface, settings, one request on stream 1. */
export function openingBytes(fields: Readonly<Record<string, string>>): Buffer {
  const settings = Buffer.allocUnsafe(6);
  settings.writeUInt16BE(SETTING_INITIAL_WINDOW, 0);
  settings.writeUInt32BE(OUR_WINDOW, 2);
  const block = Buffer.concat(Object.entries(fields).map(([name, value]) => literal(name, value)));
  return Buffer.concat([
    Buffer.from(PREFACE),
    frame(FRAME.settings, 0, 0, settings),
    windowUpdate(0, OUR_WINDOW - INITIAL_WINDOW),
    frame(FRAME.headers, END_HEADERS, 1, block),
  ]);
}

/** A gRPC message (five bytes, then the message) in a DATA frame of stream 1. */
export function dataFrame(message: Uint8Array): Buffer {
  const payload = Buffer.allocUnsafe(5 + message.length);
  payload[0] = 0;
  payload.writeUInt32BE(message.length, 1);
  payload.set(message, 5);
  return frame(FRAME.data, 0, 1, payload);
}

/** A field as HPACK's literal without indexing, not compressed: name and value under 127 bytes each, or the value longer. */
function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0), lengthAndText(name), lengthAndText(value)]);
}

function lengthAndText(text: string): Buffer {
  const bytes = Buffer.from(text);
  const prefix: number[] = [];
  if (bytes.length < 127) prefix.push(bytes.length);
  else {
    prefix.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>= 7) prefix.push((rest & 127) | 128);
    prefix.push(rest);
  }
  return Buffer.concat([Buffer.from(prefix), bytes]);
}

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Cuts what comes in into whole pieces, each as long as its head says; keeps the rest for the next time. */
class PieceReader {
  private rest: Buffer | undefined;

  constructor(
    private readonly headBytes: number,
    private readonly lengthAt: (bytes: Buffer, at: number) => number,
  ) {}

  read(chunk: Buffer, take: (piece: Buffer) => void): void {
    const bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    while (bytes.length - at >= this.headBytes) {
      const end = at + this.headBytes + this.lengthAt(bytes, at);
      if (end > bytes.length) break;
      take(bytes.subarray(at, end));
      at = end;
    }
    // Copied: the runtime may use the chunk's memory again.
    this.rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at));
  }
}

type Pieces = Pick<PieceReader, "read">;

export function http2FrameReader(): Pieces {
  return new PieceReader(HEADER_BYTES, (bytes, at) => bytes.readUIntBE(at, 3));
}

export function grpcMessageReader(): Pieces {
  return new PieceReader(5, (bytes, at) => bytes.readUInt32BE(at + 1));
}

export function parseFrame(piece: Buffer): RawFrame {
  return {
    type: piece[3] ?? 0,
    flags: piece[4] ?? 0,
    streamId: piece.readUInt32BE(5) & 0x7fffffff,
    payload: piece.subarray(HEADER_BYTES),
  };
}

/** Of one or more whole frames: what a peer's windows count of them. */
export function payloadBytesOf(frames: Buffer): number {
  let bytes = 0;
  for (let at = 0; at < frames.length; ) {
    const length = frames.readUIntBE(at, 3);
    bytes += length;
    at += HEADER_BYTES + length;
  }
  return bytes;
}

/** The new initial window where the settings tell one. */
export function initialWindowOf(settings: Buffer): number | undefined {
  for (let at = 0; at + 6 <= settings.length; at += 6) {
    if (settings.readUInt16BE(at) === SETTING_INITIAL_WINDOW) return settings.readUInt32BE(at + 2);
  }
  return undefined;
}
