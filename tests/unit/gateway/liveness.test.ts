import { describe, expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { livenessStep } from "../../../src/gateway/liveness.ts";

const step = (lastHeardMs: number, lastSentMs: number, busySinceMs: number | undefined, nowMs = 1_000_000) =>
  livenessStep({ nowMs, lastHeardMs: nowMs - lastHeardMs, lastSentMs: nowMs - lastSentMs, busySinceMs }, LIMITS);

describe("an idle peer", () => {
  test("gets a heartbeat when nothing was sent for 30 s, and is dead after 100 s of silence", () => {
    expect(step(29_000, 29_999, undefined)).toEqual({ dead: false, beat: false, nextMs: 1 });
    expect(step(29_000, 30_000, undefined)).toEqual({ dead: false, beat: true, nextMs: 30_000 });
    expect(step(99_999, 0, undefined)).toEqual({ dead: false, beat: false, nextMs: 1 });
    expect(step(100_000, 0, undefined).dead).toBeTrue();
  });
});

describe("a peer with an open call", () => {
  test("gets a heartbeat every 5 s, and is dead after 15 s of silence", () => {
    expect(step(1_000, 5_000, 0)).toEqual({ dead: false, beat: true, nextMs: 5_000 });
    expect(step(14_999, 0, 0)).toEqual({ dead: false, beat: false, nextMs: 1 });
    expect(step(15_000, 0, 0).dead).toBeTrue();
  });

  test("that was idle before gets the 15 s from when the call was opened", () => {
    expect(step(29_000, 0, 1_000_000 - 14_000)).toMatchObject({ dead: false, nextMs: 1_000 });
    expect(step(29_000, 0, 1_000_000 - 15_000).dead).toBeTrue();
  });
});
