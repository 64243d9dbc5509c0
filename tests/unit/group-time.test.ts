import { expect, test } from "bun:test";
import { judgeTime } from "../support/group-time.ts";

const MINUTE = 60_000;
const PROMISED = { minutes: 20, failMinutes: 25 };

test("a group within its promised time has nothing said of it, nor has one without such a time", () => {
  expect(judgeTime("faults", PROMISED, 20 * MINUTE)).toEqual({ failed: false });
  expect(judgeTime("e2e", undefined, 200 * MINUTE)).toEqual({ failed: false });
});

test("a group that is somewhat over its time is named, and does not fail", () => {
  const { told, failed } = judgeTime("faults", PROMISED, 20.5 * MINUTE);
  expect(told).toStartWith("TOO SLOW: faults took 20.5 min and is to take under 20");
  expect(failed).toBe(false);
});

test("a group that is far over its time fails", () => {
  const { told, failed } = judgeTime("faults", PROMISED, 25.1 * MINUTE);
  expect(told).toContain("over 25 counts as a failure");
  expect(failed).toBe(true);
});
