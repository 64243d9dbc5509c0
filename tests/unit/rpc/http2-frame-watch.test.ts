import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LIMITS } from "../../../src/core/limits.ts";
import { Http2FrameWatch } from "../../../src/rpc/http2-frame-watch.ts";
import { frame, PREFACE } from "./http2-frames.ts";

const END_STREAM = 0x1;
const END_HEADERS = 0x4;
/** A watch whose clock and count of sent bytes each chunk comes with. */
function watching() {
  const facts = { nowMs: 0, sentBytes: 0 };
  const watch = new Http2FrameWatch({ nowMs: () => facts.nowMs, sentBytes: () => facts.sentBytes });
  return {
    read(chunk: Uint8Array, nowMs: number, sentBytes: number) {
      Object.assign(facts, { nowMs, sentBytes });
      return watch.read(chunk);
    },
  };
}
const opened = () => {
  const watch = watching();
  watch.read(PREFACE, 0, 0);
  return watch;
};
const times = (count: number, bytes: Buffer) => Buffer.concat(Array.from({ length: count }, () => bytes));

describe("the watch lets pass", () => {
  test("requests with bodies, however many, and however they are cut", () => {
    const request = Buffer.concat([
      frame(1, 0, 1, new Uint8Array(100)),
      frame(9, END_HEADERS, 1, new Uint8Array(50)),
      frame(0, 0, 1, new Uint8Array(1000)),
      frame(0, END_STREAM, 1),
    ]);
    const stream = Buffer.concat([PREFACE, frame(4, 0, 0, new Uint8Array(12)), times(200, request)]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 }), (sizes) => {
        const watch = watching();
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          expect(watch.read(stream.subarray(at, at + size), 0, 0)).toBeUndefined();
          at += size;
        }
      }),
      { numRuns: 30 },
    );
  });

  test("acknowledgements of what we send, however many", () => {
    const watch = opened();
    const update = frame(8, 0, 1, new Uint8Array(4));
    for (let sent = 0; sent < 200; sent++) {
      expect(watch.read(times(2000, update), 0, sent * 2000 * 9)).toBeUndefined();
    }
  });

  test("a steady pace of pings", () => {
    const watch = opened();
    const second = times(LIMITS.emptyFramesPerSecond, frame(6, 0, 0, new Uint8Array(8)));
    for (let now = 0; now < 60; now++) expect(watch.read(second, now * 1000, 0)).toBeUndefined();
  });
});

describe("the watch tells of", () => {
  test("a header of too many frames", () => {
    const watch = opened();
    expect(watch.read(frame(1, 0, 1, new Uint8Array(1)), 0, 0)).toBeUndefined();
    expect(watch.read(times(LIMITS.headerContinuations, frame(9, 0, 1)), 0, 0)).toBeUndefined();
    expect(watch.read(frame(9, 0, 1), 0, 0)).toBe("a header of too many frames");
  });

  test("a header of too many bytes", () => {
    const watch = opened();
    expect(watch.read(frame(1, 0, 1, new Uint8Array(16_384)), 0, 0)).toBeUndefined();
    expect(watch.read(frame(9, 0, 1, new Uint8Array(16_384)), 0, 0)).toBeUndefined();
    expect(watch.read(frame(9, 0, 1, new Uint8Array(1)), 0, 0)).toBe("a header of too many bytes");
  });

  test("frames without content, of each kind", () => {
    for (const empty of [
      frame(6, 0, 0, new Uint8Array(8)),
      frame(4, 0, 0),
      frame(0, 0, 1),
      frame(0xfa, 0, 0),
      frame(9, 0, 1),
    ]) {
      expect(opened().read(times(LIMITS.emptyFramesBurst + 1, empty), 0, 0)).toBe("too many frames without content");
    }
  });

  test("requests that are broken off as fast as they come", () => {
    const broken = Buffer.concat([frame(1, END_HEADERS, 1, new Uint8Array(10)), frame(3, 0, 1, new Uint8Array(4))]);
    expect(opened().read(times(LIMITS.resetsBurst, broken), 0, 0)).toBeUndefined();
    expect(opened().read(times(LIMITS.resetsBurst + 1, broken), 0, 0)).toBe("requests broken off too fast");
  });
});
