import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { RawNatsReader } from "../../../src/bench/gateway/raw-nats-reader.ts";

/** What the reader makes of these chunks, payloads as text. */
function read(chunks: readonly string[]) {
  const reader = new RawNatsReader();
  const frames: unknown[] = [];
  for (const chunk of chunks) {
    reader.read(Buffer.from(chunk), (frame) =>
      frames.push(frame.kind === "message" ? { ...frame, payload: frame.payload.toString() } : frame),
    );
  }
  return frames;
}

const STREAM = [
  "INFO {}\r\n",
  "PONG\r\n",
  "MSG inbox.1 7 5\r\nhello\r\n",
  "MSG inbox.2 7 other.reply 4\r\na\r\nb\r\n",
  "PING\r\n",
  "HMSG inbox.3 7 16 16\r\nNATS/1.0 503\r\n\r\n\r\n",
  "HMSG inbox.4 7 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nok\r\n",
  "MSG inbox.5 7 0\r\n\r\n",
  "-ERR 'Slow Consumer'\r\n",
].join("");

describe("what a NATS server sends", () => {
  test("is cut into its frames", () => {
    expect(read([STREAM])).toEqual([
      { kind: "info" },
      { kind: "pong" },
      { kind: "message", subject: "inbox.1", headBytes: 0, payload: "hello" },
      { kind: "message", subject: "inbox.2", headBytes: 0, payload: "a\r\nb" },
      { kind: "ping" },
      { kind: "message", subject: "inbox.3", headBytes: 16, payload: "NATS/1.0 503\r\n\r\n" },
      { kind: "message", subject: "inbox.4", headBytes: 18, payload: "NATS/1.0\r\nA: b\r\n\r\nok" },
      { kind: "message", subject: "inbox.5", headBytes: 0, payload: "" },
      { kind: "error", text: "-ERR 'Slow Consumer'" },
    ]);
  });

  test("is the same however it is cut on its way", () => {
    const whole = read([STREAM]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
        const chunks: string[] = [];
        for (let at = 0, turn = 0; at < STREAM.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          chunks.push(STREAM.slice(at, at + size));
          at += size;
        }
        expect(read(chunks)).toEqual(whole);
      }),
    );
  });
});
