/** One message of a daemon's stream as it went over the wire: protobuf, without gRPC's five bytes before it. */
export interface RecordedFrame {
  readonly from: "daemon" | "gateway";
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const SIDES = ["daemon", "gateway"] as const;
const HEAD_BYTES = 5;

/** A file of frames: of each a byte for its side (0: daemon, 1: gateway), four for its length, then the message. */
export function encodeFrames(frames: readonly RecordedFrame[]): Uint8Array<ArrayBuffer> {
  const size = frames.reduce((sum, { bytes }) => sum + HEAD_BYTES + bytes.length, 0);
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  let at = 0;
  for (const { from, bytes } of frames) {
    view.setUint8(at, SIDES.indexOf(from));
    view.setUint32(at + 1, bytes.length);
    file.set(bytes, at + HEAD_BYTES);
    at += HEAD_BYTES + bytes.length;
  }
  return file;
}

export function decodeFrames(file: Uint8Array<ArrayBuffer>): RecordedFrame[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const frames: RecordedFrame[] = [];
  for (let at = 0; at < file.length; ) {
    const from = SIDES[view.getUint8(at)];
    if (from === undefined) throw new Error(`byte ${at} of the recorded frames names no side`);
    const end = at + HEAD_BYTES + view.getUint32(at + 1);
    frames.push({ from, bytes: file.slice(at + HEAD_BYTES, end) });
    at = end;
  }
  return frames;
}
