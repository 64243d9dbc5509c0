import { describe, expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { FrameRate } from "../../../src/rpc/frame-rate.ts";

describe("the frames of a client are too many", () => {
  test("with more frames a second than are taken, and not with as many", () => {
    let frames = 0;
    const rate = new FrameRate(() => frames, 0);
    frames += LIMITS.framesPerSecond;
    expect(rate.isTooHigh(1000)).toBe(false);
    frames += LIMITS.framesPerSecond + 1;
    expect(rate.isTooHigh(2000)).toBe(true);
  });

  test("by what came since it was asked last, over as long as that was", () => {
    let frames = 0;
    const rate = new FrameRate(() => frames, 0);
    frames += 10 * LIMITS.framesPerSecond;
    expect(rate.isTooHigh(10_000)).toBe(false);
    expect(rate.isTooHigh(11_000)).toBe(false);
    frames += 2 * LIMITS.framesPerSecond;
    expect(rate.isTooHigh(12_000)).toBe(true);
  });

  test("by no burst that a second would hold, however soon it is asked", () => {
    let frames = 0;
    const rate = new FrameRate(() => frames, 0);
    frames += LIMITS.framesPerSecond;
    expect(rate.isTooHigh(1)).toBe(false);
  });
});
