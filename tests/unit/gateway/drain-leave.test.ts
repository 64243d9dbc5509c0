import { describe, expect, test } from "bun:test";
import { drainLeaveMs } from "../../../src/gateway/drain-leave.ts";

describe("the time that daemons have to leave a gateway that stops", () => {
  test("is short for a few, and grows so that no more than a thousand a second come elsewhere", () => {
    expect([0, 1, 500].map((daemons) => drainLeaveMs(daemons, 20_000))).toEqual([1_000, 1_000, 1_000]);
    expect(drainLeaveMs(4_000, 20_000)).toBe(8_000);
    expect(drainLeaveMs(10_000, 20_000)).toBe(20_000);
  });

  test("is never longer than the gateway stays", () => {
    expect(drainLeaveMs(50_000, 20_000)).toBe(20_000);
    expect(drainLeaveMs(1, 400)).toBe(400);
  });
});
