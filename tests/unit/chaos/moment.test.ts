import { expect, test } from "bun:test";
import type { Trouble } from "../../../src/chaos/facts.ts";
import { troublesOf } from "../../../src/chaos/moment.ts";
import { TRIAL_LIMITS } from "../../../src/core/trial-limits.ts";

const first: Trouble = { fault: "kill-nats", costs: "all", fromMs: 1000, untilMs: 3000 };
const second: Trouble = { fault: "freeze-daemon", costs: { daemon: "laptop" }, fromMs: 4000, untilMs: 6000 };
const during = (fromMs: number, untilMs: number) =>
  troublesOf([first, second], { fromMs, untilMs }).map(({ fault }) => fault);

test("what happened while a fault was under way is not also put down to the one before", () => {
  expect(during(4500, 5000)).toEqual(["freeze-daemon"]);
  expect(during(2000, 5000)).toEqual(["kill-nats", "freeze-daemon"]);
});

test("what happened while none was is put down to those that may still have been felt", () => {
  expect(during(3500, 3600)).toEqual(["kill-nats"]);
  const late = second.untilMs + TRIAL_LIMITS.chaosAftermathMs;
  expect(during(late, late + 1)).toEqual(["freeze-daemon"]);
  expect(during(late + 1, late + 2)).toEqual([]);
  expect(during(0, 999)).toEqual([]);
});
