import { describe, expect, test } from "bun:test";
import { CallBells } from "../../../src/routing/call-bell.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const signal = () => new AbortController().signal;

describe("a bell", () => {
  test("keeps a ring that comes while nobody waits", async () => {
    const bells = new CallBells();
    const bell = bells.open("call_1");
    bells.ring("call_1", "done");
    bells.ring("call_1", "refused");
    expect(await bell.wait(1_000, new ManualClock(), signal())).toBe("done");
  });

  test("wakes who waits, and everybody who waits for the same call", async () => {
    const bells = new CallBells();
    const clock = new ManualClock();
    const waits = [bells.open("call_1"), bells.open("call_1")].map((bell) => bell.wait(1_000, clock, signal()));
    bells.ring("call_1", "refused");
    expect(await Promise.all(waits)).toEqual(["refused", "refused"]);
  });

  test("lets go after the time, with nothing", async () => {
    const clock = new ManualClock();
    const wait = new CallBells().open("call_1").wait(1_000, clock, signal());
    await clock.advance(1_000);
    expect(await wait).toBeUndefined();
  });

  test("lets go when the signal aborts, with its reason", async () => {
    const bell = new CallBells().open("call_1");
    const control = new AbortController();
    const wait = bell.wait(1_000, new ManualClock(), control.signal);
    control.abort(new Error("the worker stops"));
    await expect(wait).rejects.toThrow("the worker stops");
    await expect(bell.wait(1_000, new ManualClock(), control.signal)).rejects.toThrow("the worker stops");
  });

  test("is not rung after it was closed", async () => {
    const bells = new CallBells();
    const clock = new ManualClock();
    const bell = bells.open("call_1");
    bells.close("call_1", bell);
    bells.ring("call_1", "done");
    const wait = bell.wait(10, clock, signal());
    await clock.advance(10);
    expect(await wait).toBeUndefined();
  });
});
