import { expect, test } from "bun:test";
import { TimerWheel, type WheelEntry } from "../../../src/gateway/timer-wheel.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function world() {
  const clock = new ManualClock(0);
  const wheel = new TimerWheel(clock, 500);
  wheel.start();
  const calls: string[] = [];
  const entry = (name: string): WheelEntry => ({ onDue: () => void calls.push(`${name} ${clock.now()}`) });
  return { clock, wheel, calls, entry };
}

test("each entry is called once, at its tick or up to one later", async () => {
  const { clock, wheel, calls, entry } = world();
  wheel.schedule(entry("a"), 600);
  wheel.schedule(entry("b"), 30_000);
  wheel.schedule(entry("c"), 0);
  await clock.advance(60_000);
  expect(calls).toEqual(["c 500", "a 1000", "b 30000"]);
});

test("scheduling again takes the place of what was before; cancel takes it away", async () => {
  const { clock, wheel, calls, entry } = world();
  const [a, b] = [entry("a"), entry("b")];
  wheel.schedule(a, 500);
  wheel.schedule(a, 2_000);
  wheel.schedule(b, 500);
  wheel.cancel(b);
  await clock.advance(5_000);
  expect(calls).toEqual(["a 2000"]);
});

test("an entry may schedule itself when it is called, and goes round the wheel", async () => {
  const { clock, wheel } = world();
  let called = 0;
  const entry: WheelEntry = {
    onDue: () => {
      called += 1;
      wheel.schedule(entry, 30_000);
    },
  };
  wheel.schedule(entry, 30_000);
  await clock.advance(600_000);
  expect(called).toBe(20);
});

test("nothing is called after stop", async () => {
  const { clock, wheel, calls, entry } = world();
  wheel.schedule(entry("a"), 500);
  wheel.stop();
  await clock.advance(5_000);
  expect(calls).toEqual([]);
});
