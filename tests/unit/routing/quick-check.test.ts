import { describe, expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import fc from "fast-check";
import { type ConnectRequest, ConnectRequestSchema } from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { surelyFits } from "../../../src/routing/quick-check.ts";

type Frame = NonNullable<MessageInitShape<typeof ConnectRequestSchema>["frame"]>;

const KNOWN_ENDINGS: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5, 6]);
const validator = createValidator();
const fits = (message: ConnectRequest) => validator.validate(ConnectRequestSchema, message).kind === "valid";

/** Ids as they are, and as they must not be. */
const id = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 140 }) },
  { weight: 1, arbitrary: fc.constantFrom("", "a".repeat(128), "a".repeat(129), "a.b", "a\n", "ä") },
);
const count = fc.oneof(
  { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 40n }) },
  { weight: 1, arbitrary: fc.constantFrom(-1n, 2n ** 53n - 1n, 2n ** 53n, -(2n ** 63n), 2n ** 63n - 1n) },
);
const stamp = fc.option(fc.record({ wallMs: count, monotonicMs: count }), { nil: undefined, freq: 6 });
const images = fc.constantFrom(0, 0, 0, 1, 16, 17);
const result = fc.option(
  fc.record({ text: fc.string(), isError: fc.boolean(), detailsJson: fc.string(), images }).map((fields) => ({
    ...fields,
    images: Array.from({ length: fields.images }, () => ({ mediaType: "image/png", data: Uint8Array.of(1) })),
  })),
  { nil: undefined },
);
const dataBytes = fc.constantFrom(0, 1, 65_535, 65_536, 65_537);

/** Texts around a length that a rule names, of one unit each or of two. */
const around = (length: number) =>
  fc
    .record({ unit: fc.constantFrom("x", "x", "x", "ä", "\u{1F600}"), by: fc.constantFrom(-length, -length, -3, 0, 1) })
    .map(({ unit, by }) => unit.repeat(length + by));
const some = <T>(arbitrary: fc.Arbitrary<T>, most: number) =>
  fc
    .record({ item: arbitrary, count: fc.constantFrom(0, 0, 1, most, most + 1) })
    .map(({ item, count: times }) => Array.from({ length: times }, () => item));
const hello = fc.record({
  ...{ daemonId: id, instanceId: id, journalId: id, userId: id, startCount: count, lastEpoch: count },
  ...{ protocolVersion: fc.integer({ min: -1, max: 9 }), minProtocolVersion: fc.integer({ min: -1, max: 9 }) },
  ...{ capabilities: some(around(128), 64), runningToolCallIds: some(id, 1024), name: around(256) },
  ...{ version: around(128), platform: around(128) },
  labels: fc
    .record({ key: around(120), value: around(1024), pairs: fc.constantFrom(0, 1, 64, 65) })
    .map(({ key, value, pairs }) =>
      Object.fromEntries(Array.from({ length: pairs }, (_, at) => [`${key}${at}`, value])),
    ),
});

const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ toolCallId: id, journalId: id, stamp }).map((value): Frame => ({ case: "ready", value: defined(value) })),
  fc
    .record({ toolCallId: id, journalId: id, ending: fc.integer({ min: -1, max: 9 }), result })
    .map((value): Frame => ({ case: "result", value: defined(value) })),
  fc
    .record({ toolCallId: id, channel: fc.integer({ min: 0, max: 3 }), offset: count, gapBytes: count, dataBytes })
    .map(
      ({ dataBytes: bytes, ...value }): Frame => ({ case: "output", value: { ...value, data: new Uint8Array(bytes) } }),
    ),
  count.map((sequence): Frame => ({ case: "heartbeat", value: { sequence } })),
  fc.record({ toolCallId: id, message: fc.string() }).map((value): Frame => ({ case: "offerRefused", value })),
  fc.record({ commandId: fc.string({ maxLength: 200 }) }).map((value): Frame => ({ case: "commandResult", value })),
  hello.map((value): Frame => ({ case: "hello", value })),
);

/** Without the fields that are undefined: protobuf has none such. */
function defined<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const kept: { [Key in keyof T]?: Exclude<T[Key], undefined> } = {};
  for (const key in fields) {
    const value = fields[key];
    if (isDefined(value)) kept[key] = value;
  }
  return kept;
}

function isDefined<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined;
}

describe("the check by hand", () => {
  test("lets through a daemon's usual hello", () => {
    const value = {
      ...{ daemonId: "dmn_1", instanceId: "ins_1", journalId: "jrn_1", startCount: 3n, protocolVersion: 1 },
      ...{ labels: { os: "linux" }, capabilities: ["tool:shell"], runningToolCallIds: ["call_1"] },
      ...{ name: "laptop", version: "0.1.0", platform: "linux-x64", userId: "usr_ada", lastEpoch: 2n },
    };
    const message = create(ConnectRequestSchema, { frame: { case: "hello", value } });
    expect([surelyFits(ConnectRequestSchema, message), fits(message)]).toEqual([true, true]);
  });

  test("lets through only what the rules of the proto file allow", () => {
    let passed = 0;
    fc.assert(
      fc.property(frame, (init) => {
        const message = create(ConnectRequestSchema, { frame: init });
        const sure = surelyFits(ConnectRequestSchema, message);
        if (sure) passed += 1;
        return !sure || fits(message);
      }),
      { numRuns: 3000 },
    );
    expect(passed).toBeGreaterThan(300);
  });

  test("lets through all that is good of the frames that come all the time", () => {
    const hot = frame.filter(({ case: kind }) => kind === "ready" || kind === "result" || kind === "output");
    fc.assert(
      fc.property(hot, (init) => {
        const message = create(ConnectRequestSchema, { frame: init });
        const usual = init.case !== "result" || (init.value.result?.images?.length ?? 0) === 0;
        const known = init.case !== "result" || KNOWN_ENDINGS.has(init.value.ending ?? 0);
        return !usual || !known || surelyFits(ConnectRequestSchema, message) === fits(message);
      }),
      { numRuns: 2000 },
    );
  });
});
