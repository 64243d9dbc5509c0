import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ReliantError } from "../../../src/core/errors.ts";
import { GrpcMessageReader } from "../../../src/rpc/grpc-message-reader.ts";
import { frameGrpcMessages } from "./grpc-test-peer.ts";

const MAX_BYTES = 1000;

function readAll(reader: GrpcMessageReader, chunk: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  reader.push(chunk);
  for (let next = reader.next(); next !== undefined; next = reader.next()) messages.push(Uint8Array.from(next));
  return messages;
}

function codeOf(read: () => unknown): string {
  try {
    read();
    return "none";
  } catch (error) {
    return error instanceof ReliantError ? error.code : String(error);
  }
}

describe("the messages of a gRPC body", () => {
  test("come out whole and in order, however the body is cut", () => {
    const message = fc.uint8Array({ maxLength: MAX_BYTES });
    const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), sizes, (messages, cuts) => {
        const reader = new GrpcMessageReader(MAX_BYTES);
        const body = frameGrpcMessages(messages);
        const read: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < body.length; turn++) {
          const size = cuts[turn % cuts.length] ?? 1;
          // A copy that is overwritten afterwards, as a runtime does that uses its buffers again.
          const chunk = body.slice(at, at + size);
          read.push(...readAll(reader, chunk));
          chunk.fill(0xee);
          at += size;
        }
        expect(read.map((each) => Buffer.from(each).toString("hex"))).toEqual(
          messages.map((each) => Buffer.from(each).toString("hex")),
        );
        expect(reader.isWithin).toBeFalse();
      }),
    );
  });

  test("wait where nobody takes them, and chunks that come meanwhile are kept behind", () => {
    const reader = new GrpcMessageReader(MAX_BYTES);
    const [first, second, third] = [Buffer.from("first"), Buffer.from("second"), Buffer.from("third")];
    reader.push(frameGrpcMessages([first, second]));
    expect(reader.next()).toEqual(new Uint8Array(first));
    reader.push(frameGrpcMessages([third]));
    expect(reader.next()).toEqual(new Uint8Array(second));
    expect(reader.next()).toEqual(new Uint8Array(third));
    expect(reader.next()).toBeUndefined();
  });

  test("are told to be unfinished where the body ends within one", () => {
    const reader = new GrpcMessageReader(MAX_BYTES);
    expect(readAll(reader, frameGrpcMessages([Buffer.from("whole")]).subarray(0, 3))).toEqual([]);
    expect(reader.isWithin).toBeTrue();
  });

  test("over the bound are refused as soon as their length is known", () => {
    const head = Uint8Array.of(0, 0, 0, 0x03, 0xe9);
    expect(codeOf(() => readAll(new GrpcMessageReader(MAX_BYTES), head))).toBe("resource_exhausted");
    const huge = Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff);
    expect(codeOf(() => readAll(new GrpcMessageReader(MAX_BYTES), huge))).toBe("resource_exhausted");
    expect(readAll(new GrpcMessageReader(MAX_BYTES), frameGrpcMessages([new Uint8Array(MAX_BYTES)]))).toHaveLength(1);
  });

  test("have a bound of their own for the first", () => {
    const reader = new GrpcMessageReader(MAX_BYTES, 10);
    expect(codeOf(() => readAll(reader, frameGrpcMessages([new Uint8Array(11)])))).toBe("resource_exhausted");
    const later = new GrpcMessageReader(MAX_BYTES, 10);
    expect(readAll(later, frameGrpcMessages([new Uint8Array(10), new Uint8Array(MAX_BYTES)]))).toHaveLength(2);
    const cut = new GrpcMessageReader(MAX_BYTES, 10);
    const body = frameGrpcMessages([new Uint8Array(10), new Uint8Array(11)]);
    expect([...readAll(cut, body.subarray(0, 9)), ...readAll(cut, body.subarray(9))]).toHaveLength(2);
  });

  test("cost what has come of them, not what was announced", () => {
    const mib = 1024 * 1024;
    const announced = new Uint8Array(1024);
    announced.set(Uint8Array.of(0, 0, 0x40, 0, 0));
    Bun.gc(true);
    const before = process.memoryUsage().external;
    const readers = Array.from({ length: 50 }, () => new GrpcMessageReader(4 * mib));
    for (const reader of readers) expect(readAll(reader, announced)).toEqual([]);
    expect(process.memoryUsage().external - before).toBeLessThan(10 * mib);
    expect(readers.every((reader) => reader.isWithin)).toBeTrue();
  });

  test("that are compressed are refused: no compression was agreed", () => {
    expect(codeOf(() => readAll(new GrpcMessageReader(MAX_BYTES), Uint8Array.of(1, 0, 0, 0, 0)))).toBe("internal");
  });
});
