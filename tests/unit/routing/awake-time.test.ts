import { expect, test } from "bun:test";
import { AwakeTime } from "../../../src/routing/awake-time.ts";
import { LaptopClock } from "../daemon/laptop-clock.ts";

const HOUR = 3_600_000;
const TIMEOUT_MS = 60_000;
const SLACK_MS = 30_000;

function follow() {
  const clock = new LaptopClock();
  const time = new AwakeTime(clock, SLACK_MS);
  const callNow = (slackMs = 0) => ({ timeoutMs: TIMEOUT_MS, deadlineAtMs: clock.now() + TIMEOUT_MS + slackMs });
  const leftOf = (call: ReturnType<typeof callNow>) => call.deadlineAtMs - time.nowMs(call);
  return { clock, time, callNow, leftOf };
}

test("a call has the same time left after a sleep, and less of it as time passes", async () => {
  const { clock, callNow, leftOf } = follow();
  const call = callNow(SLACK_MS);
  await clock.advance(20_000);
  expect(leftOf(call)).toBe(70_000);
  clock.closeLidFor(8 * HOUR);
  expect(leftOf(call)).toBe(70_000);
  await clock.advance(40_000);
  clock.closeLidFor(HOUR);
  expect(leftOf(call)).toBe(30_000);
  await clock.advance(40_000);
  expect(leftOf(call)).toBe(-10_000);
});

test("so has one that is looked at for the first time after the sleep", async () => {
  const { clock, callNow, leftOf } = follow();
  await clock.advance(HOUR);
  const call = callNow();
  clock.closeLidFor(8 * HOUR);
  expect(leftOf(call)).toBe(TIMEOUT_MS);
});

test("a call from after the sleep has its own time", async () => {
  const { clock, time, callNow, leftOf } = follow();
  time.nowMs({});
  clock.closeLidFor(8 * HOUR);
  time.nowMs({});
  const call = callNow();
  await clock.advance(20_000);
  expect(leftOf(call)).toBe(40_000);
});

test("a deadline that was over before this process began is over", () => {
  const { clock, leftOf } = follow();
  expect(leftOf({ timeoutMs: TIMEOUT_MS, deadlineAtMs: clock.now() - HOUR })).toBe(-HOUR);
});

test("a wall clock that is put back gives no call more time by itself", () => {
  const { clock, time } = follow();
  clock.moveWallClock(-HOUR);
  expect(time.nowMs({ deadlineAtMs: clock.now() })).toBe(clock.now());
});
