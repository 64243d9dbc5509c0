import { describe, expect, test } from "bun:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ReliantError } from "../../../src/core/errors.ts";
import { FrameReader } from "../../../src/gateway/frame-reader.ts";
import { CallResult_Ending, ConnectRequestSchema } from "../../../src/gen/reliant/v1/daemon_pb.ts";

type Frame = NonNullable<MessageInitShape<typeof ConnectRequestSchema>["frame"]>;

const id = fc.oneof(
  { weight: 8, arbitrary: fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/) },
  { weight: 1, arbitrary: fc.constantFrom("", "a".repeat(127), "a".repeat(128), "a".repeat(129), "a.b", "a\n", "ä") },
);
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.constantFrom("", "\ufeffa", "\ufffd", "a\0b", "ÿ", "x".repeat(127), "x".repeat(128), "\u{1F600}".repeat(5_000)),
);
const int64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 45n }),
  fc.constantFrom(0n, 127n, 128n, 2n ** 49n - 1n, 2n ** 49n, 2n ** 53n, -1n, -(2n ** 63n), 2n ** 63n - 1n),
);
const image = fc.record({ mediaType: fc.constant("image/png"), data: fc.uint8Array({ maxLength: 9 }) });
const ready = fc.record({ toolCallId: id, journalId: id, stamp: fc.record({ wallMs: int64, monotonicMs: int64 }) });
const images = fc.array(image, { maxLength: 1 });
const result = fc.record({ text, isError: fc.boolean(), detailsJson: text, images });
const ending: fc.Arbitrary<number> = fc.constantFrom(0, 1, 1, 2, 6, 127, 128, -1);

const frame: fc.Arbitrary<Frame> = fc.oneof(
  ready.map((value): Frame => ({ case: "ready", value })),
  fc.record({ toolCallId: id, journalId: id }).map((value): Frame => ({ case: "ready", value })),
  fc.record({ toolCallId: id, journalId: id, ending, result }).map((value): Frame => ({ case: "result", value })),
  fc.record({ toolCallId: id, journalId: id, ending }).map((value): Frame => ({ case: "result", value })),
  int64.map((sequence): Frame => ({ case: "heartbeat", value: { sequence } })),
  id.map((toolCallId): Frame => ({ case: "output", value: { toolCallId, data: Uint8Array.of(1, 2) } })),
);
const encoded = frame.map((each) => toBinary(ConnectRequestSchema, create(ConnectRequestSchema, { frame: each })));

/** What came of bytes: a frame, or what is wrong with them. */
type Read = { readonly frame: unknown } | { readonly fault: string };

function byLibrary(bytes: Uint8Array): Read {
  try {
    return { frame: fromBinary(ConnectRequestSchema, bytes) };
  } catch (error) {
    return { fault: `read a frame of the daemon: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function byHand(reader: FrameReader, bytes: Uint8Array): Read {
  try {
    return { frame: reader.of(bytes) };
  } catch (error) {
    return {
      fault: error instanceof ReliantError && error.code === "invalid_argument" ? error.message : String(error),
    };
  }
}

/** Bytes that the library fails to read: it takes a view of what is under them, which reading by hand does not. */
function closedToLibrary(bytes: Uint8Array): Buffer {
  const get = () => {
    throw new Error("the library was asked");
  };
  return Object.defineProperty(Buffer.from(bytes), "buffer", { get });
}

/** Fields of protobuf by hand, for what the library does not write. */
const bytesField = (field: number, content: Uint8Array) =>
  Buffer.concat([Buffer.of((field << 3) | 2, content.length), content]);
const textField = (field: number, content: string) => bytesField(field, Buffer.from(content));
const frameOf = (kind: number, ...fields: Uint8Array[]) => bytesField(kind, Buffer.concat(fields));
const [READY, RESULT, HEARTBEAT] = [3, 4, 2];
const IDS = [textField(1, "call_1"), textField(2, "jrn_1")];
const STAMP = bytesField(3, Buffer.of(0x08, 0x05, 0x10, 0x06));
const FINISHED = Buffer.of(0x18, 0x01);

describe("the frames of a daemon that are read by hand", () => {
  test("are those of the library", () => {
    const reader = new FrameReader();
    fc.assert(
      fc.property(encoded, fc.boolean(), (bytes, isBuffer) => {
        const given = isBuffer ? Buffer.from(bytes) : bytes;
        expect(Bun.deepEquals(byHand(reader, given), byLibrary(bytes), true)).toBe(true);
      }),
      { numRuns: 4_000 },
    );
  });

  test("are those of the library, or fail as it does, where their bytes were changed", () => {
    const reader = new FrameReader();
    const change = fc.record({
      at: fc.nat({ max: 120 }),
      kind: fc.constantFrom("cut", "flip", "insert", "remove", "twice"),
      byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0x80, 0xff, 0x00, 0x0a, 0x12, 0x1a, 0x22, 0x18)),
    });
    fc.assert(
      fc.property(encoded, fc.array(change, { minLength: 1, maxLength: 3 }), (bytes, changes) => {
        let changed: Uint8Array = Buffer.from(bytes);
        for (const { at, kind, byte } of changes) {
          const [before, from] = [changed.subarray(0, at), changed.subarray(at)];
          if (kind === "cut") changed = before;
          else if (kind === "twice") changed = Buffer.concat([before, before, from]);
          else
            changed = Buffer.concat([
              before,
              ...(kind === "remove" ? [] : [Buffer.of(byte)]),
              from.subarray(kind === "insert" ? 0 : 1),
            ]);
        }
        expect(Bun.deepEquals(byHand(reader, changed), byLibrary(changed), true)).toBe(true);
      }),
      { numRuns: 6_000 },
    );
  });

  test.each([
    ["nothing", Buffer.of()],
    ["a kind alone", Buffer.of((READY << 3) | 2)],
    ["a length beyond the end", Buffer.of((READY << 3) | 2, 9, 0x0a)],
    ["a length that is longer than it must be", Buffer.of((HEARTBEAT << 3) | 2, 0x82, 0x80, 0x00, 0x08, 0x05)],
    ["a count that is longer than it must be", frameOf(HEARTBEAT, Buffer.of(0x08, 0x85, 0x80, 0x00))],
    ["a count of ten bytes", frameOf(HEARTBEAT, Buffer.of(0x08, ...new Uint8Array(9).fill(0xff), 0x01))],
    ["a count of eleven bytes", frameOf(HEARTBEAT, Buffer.of(0x08, ...new Uint8Array(10).fill(0xff), 0x01))],
    ["a count that is cut off", frameOf(HEARTBEAT, Buffer.of(0x08, 0x80))],
    [
      "an inner length beyond the outer one",
      Buffer.concat([frameOf(READY, Buffer.of(0x0a, 4, 0x61)), Buffer.from("abc")]),
    ],
    ["a field twice", frameOf(READY, ...IDS, textField(2, "jrn_2"), STAMP)],
    ["a frame twice", Buffer.concat([frameOf(READY, ...IDS, STAMP), frameOf(READY, textField(1, "call_2"))])],
    ["two kinds of frames", Buffer.concat([frameOf(READY, ...IDS, STAMP), frameOf(HEARTBEAT)])],
    ["fields in another order", frameOf(READY, STAMP, ...IDS)],
    ["a field that is not known", frameOf(READY, ...IDS, STAMP, textField(9, "new"))],
    ["a field of the frame that is not known", Buffer.concat([frameOf(READY, ...IDS, STAMP), textField(15, "new")])],
    ["a stamp in two parts", frameOf(READY, ...IDS, STAMP, STAMP)],
    ["an unknown field in the stamp", frameOf(READY, ...IDS, bytesField(3, Buffer.of(0x08, 0x05, 0x18, 0x06)))],
    ["a truth of two bytes", frameOf(RESULT, ...IDS, FINISHED, bytesField(4, Buffer.of(0x10, 0x80, 0x01)))],
    ["a truth that is not 1", frameOf(RESULT, ...IDS, FINISHED, bytesField(4, Buffer.of(0x10, 0x05)))],
    ["an ending of two bytes", frameOf(RESULT, ...IDS, Buffer.of(0x18, 0x81, 0x01))],
    [
      "a text that is not UTF-8",
      frameOf(RESULT, ...IDS, FINISHED, bytesField(4, bytesField(1, Buffer.of(0x61, 0xff)))),
    ],
    ["half a character", frameOf(RESULT, ...IDS, FINISHED, bytesField(4, bytesField(1, Buffer.of(0xed, 0xa0, 0x80))))],
    ["an overlong character", frameOf(RESULT, ...IDS, FINISHED, bytesField(4, bytesField(1, Buffer.of(0xc0, 0x80))))],
    ["a text with a byte order mark", frameOf(RESULT, ...IDS, FINISHED, bytesField(4, textField(1, "\ufeffa")))],
    ["an id that is not UTF-8", frameOf(READY, bytesField(1, Buffer.of(0x61, 0xe9)), textField(2, "jrn_1"), STAMP)],
    ["a tag of another wire type", frameOf(READY, Buffer.of(0x08, 0x05), ...IDS, STAMP)],
    ["a field with the number 0", frameOf(READY, Buffer.of(0x00), ...IDS, STAMP)],
  ])("are as the library has them for %s", (_, bytes) => {
    expect(byHand(new FrameReader(), bytes)).toStrictEqual(byLibrary(bytes));
  });

  test("are all that a daemon usually sends", () => {
    const reader = new FrameReader();
    const usualId = fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/);
    const ids = { toolCallId: usualId, journalId: usualId };
    const count = fc.bigInt({ min: 0n, max: 2n ** 49n - 1n });
    const usual: fc.Arbitrary<Frame> = fc.oneof(
      fc
        .record({ ...ids, stamp: fc.record({ wallMs: count, monotonicMs: count }) })
        .map((value): Frame => ({ case: "ready", value })),
      fc
        .record({ ...ids, text: fc.string({ unit: "grapheme-ascii", maxLength: 2_000 }), isError: fc.boolean() })
        .map(({ text, isError, ...value }): Frame => {
          const said = { text, isError, detailsJson: '{"exitCode":0}' };
          return { case: "result", value: { ...value, ending: CallResult_Ending.FINISHED, result: said } };
        }),
      fc.record({ ...ids, ending: fc.integer({ min: 1, max: 6 }) }).map((value): Frame => ({ case: "result", value })),
      count.map((sequence): Frame => ({ case: "heartbeat", value: { sequence } })),
    );
    fc.assert(
      fc.property(usual, (each) => {
        const message = create(ConnectRequestSchema, { frame: each });
        const bytes = closedToLibrary(toBinary(ConnectRequestSchema, message));
        expect(Bun.deepEquals(reader.of(bytes), message, true)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    const unusual = closedToLibrary(frameOf(READY, ...IDS, STAMP, textField(9, "new")));
    expect(() => reader.of(unusual)).toThrow("the library was asked");
  });

  test("stay as they are when the bytes they came in are used again", () => {
    const bytes = Buffer.from(frameOf(RESULT, ...IDS, FINISHED, bytesField(4, textField(1, "all is well"))));
    const { frame } = new FrameReader().of(bytes);
    bytes.fill(0);
    expect(frame.value).toMatchObject({ toolCallId: "call_1", journalId: "jrn_1", result: { text: "all is well" } });
  });
});
