import { describe, expect, test } from "bun:test";
import { GrpcMessageReader } from "../../../src/rpc/grpc-message-reader.ts";
import { GrpcMessageWriter } from "../../../src/rpc/grpc-message-writer.ts";

const MIB = 1024 * 1024;

/** Messages of a body, each as its length and its first byte: all their bytes are the same. */
function read(body: Uint8Array): string[] {
  const reader = new GrpcMessageReader(4 * MIB);
  reader.push(body);
  const messages: string[] = [];
  for (let message = reader.next(); message !== undefined; message = reader.next()) {
    const [first = -1] = message;
    messages.push(message.every((byte) => byte === first) ? `${message.length} × ${first}` : "mixed");
  }
  if (reader.isWithin) messages.push("unfinished");
  return messages;
}

describe("the writes of a gRPC call", () => {
  test("hold messages of any size, in order", () => {
    const writer = new GrpcMessageWriter();
    const sizes = [1, 127, 130_000, 2, 4 * MIB, 3];
    for (const [at, size] of sizes.entries()) writer.add(new Uint8Array(size).fill(at + 1));
    expect(writer.bytes).toBe(sizes.reduce((sum, size) => sum + size + 5, 0));
    expect(read(writer.take())).toEqual(sizes.map((size, at) => `${size} × ${at + 1}`));
    expect(writer.bytes).toBe(0);
  });

  test("stay as they are when the next ones are put together", () => {
    const writer = new GrpcMessageWriter();
    const bodies = [10, 200_000, 20].map((size, at) => {
      writer.add(new Uint8Array(size).fill(at + 1));
      return writer.take();
    });
    expect(bodies.map(read)).toEqual([["10 × 1"], ["200000 × 2"], ["20 × 3"]]);
  });

  test("copy what they are given", () => {
    const writer = new GrpcMessageWriter();
    const message = new Uint8Array(10).fill(1);
    writer.add(message);
    message.fill(2);
    expect(read(writer.take())).toEqual(["10 × 1"]);
  });

  test("hold nothing of what was forgotten", () => {
    const writer = new GrpcMessageWriter();
    writer.add(new Uint8Array(300_000).fill(1));
    writer.clear();
    writer.add(new Uint8Array(5).fill(2));
    expect(read(writer.take())).toEqual(["5 × 2"]);
  });
});
