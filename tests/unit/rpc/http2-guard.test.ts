import { describe, expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { Http2Guard } from "../../../src/rpc/http2-guard.ts";

describe("a client floods", () => {
  test("with more frames a second than are taken, and not with as many", () => {
    let frames = 0;
    const guard = new Http2Guard(() => frames, 0);
    frames += LIMITS.framesPerSecond;
    expect(guard.floods(1000)).toBe(false);
    frames += LIMITS.framesPerSecond + 1;
    expect(guard.floods(2000)).toBe(true);
  });

  test("by what came since it was asked last, over as long as that was", () => {
    let frames = 0;
    const guard = new Http2Guard(() => frames, 0);
    frames += 10 * LIMITS.framesPerSecond;
    expect(guard.floods(10_000)).toBe(false);
    expect(guard.floods(11_000)).toBe(false);
    frames += 2 * LIMITS.framesPerSecond;
    expect(guard.floods(12_000)).toBe(true);
  });

  test("by no burst that a second would hold, however soon it is asked", () => {
    let frames = 0;
    const guard = new Http2Guard(() => frames, 0);
    frames += LIMITS.framesPerSecond;
    expect(guard.floods(1)).toBe(false);
  });
});
