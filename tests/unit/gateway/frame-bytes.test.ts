import { expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { FrameBytes } from "../../../src/gateway/frame-bytes.ts";
import type { OutboundFrame } from "../../../src/gateway/outbound.ts";
import { ConnectResponseSchema } from "../../../src/gen/reliant/v1/daemon_pb.ts";

const id = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/) },
  { weight: 1, arbitrary: fc.constantFrom("", "a".repeat(64), "a".repeat(65), "a".repeat(128), "ä") },
);
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 80 }),
  fc.constantFrom(
    "",
    "x".repeat(127),
    "x".repeat(128),
    "\u{1F600}".repeat(5_400),
    "ä".repeat(16_400),
    "x".repeat(17_000),
  ),
);
const int64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 45n }),
  fc.constantFrom(0n, 1n, 127n, 128n, 16_383n, 16_384n, 2n ** 53n - 1n, 2n ** 53n, -1n, -(2n ** 63n), 2n ** 63n - 1n),
);
const stamp = fc.option(fc.record({ wallMs: int64, monotonicMs: int64 }), { nil: undefined, freq: 6 });
const roots = fc.oneof(fc.array(text, { maxLength: 4 }), fc.constant(Array.from({ length: 4_096 }, () => "")));
const invocation = fc.option(
  fc.record({ toolName: text, inputJson: text, roots, timeoutMs: int64, chatId: id }, { requiredKeys: [] }),
  { nil: undefined, freq: 6 },
);

const frame: fc.Arbitrary<OutboundFrame> = fc.oneof(
  id.map((toolCallId): OutboundFrame => ({ case: "ack", value: { toolCallId } })),
  fc.record({ toolCallId: id, stamp }).map(
    (value): OutboundFrame => ({
      case: "grant",
      value: value.stamp === undefined ? { toolCallId: value.toolCallId } : { ...value, stamp: value.stamp },
    }),
  ),
  fc.record({ toolCallId: id, traceparent: text, invocation }).map(
    ({ invocation, ...value }): OutboundFrame => ({
      case: "offer",
      value: invocation === undefined ? value : { ...value, invocation },
    }),
  ),
  id.map((toolCallId): OutboundFrame => ({ case: "withdraw", value: { toolCallId } })),
  int64.map((sequence): OutboundFrame => ({ case: "heartbeat", value: { sequence: sequence & 0xffffffffn } })),
);

test("frames that are written by hand are those of the library, byte for byte", () => {
  const bytes = new FrameBytes();
  fc.assert(
    fc.property(frame, (frame) => {
      const library = toBinary(ConnectResponseSchema, create(ConnectResponseSchema, { frame }));
      expect(Buffer.from(bytes.of(frame)).equals(library)).toBe(true);
    }),
    { numRuns: 3_000 },
  );
});
