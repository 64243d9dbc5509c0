import { describe, expect, test } from "bun:test";
import { UnhurriedFrames } from "../../../src/gateway/unhurried-frames.ts";
import { ManualClock } from "../../support/manual-clock.ts";

describe("frames in no hurry", () => {
  test("go out together within the delay, and once", async () => {
    const clock = new ManualClock();
    const unhurried = new UnhurriedFrames(clock, 25);
    const woken: string[] = [];
    unhurried.wakeSoon({ wake: () => woken.push("first") });
    await clock.advance(20);
    unhurried.wakeSoon({ wake: () => woken.push("second") });
    expect(woken).toEqual([]);
    await clock.advance(5);
    expect(woken).toEqual(["first", "second"]);
    await clock.advance(100);
    expect(woken).toHaveLength(2);
  });

  test("wake nobody, and no timer, once they are stopped", async () => {
    const clock = new ManualClock();
    const unhurried = new UnhurriedFrames(clock, 25);
    const woken: string[] = [];
    unhurried.wakeSoon({ wake: () => woken.push("before") });
    unhurried.stop();
    unhurried.wakeSoon({ wake: () => woken.push("after") });
    await clock.advance(100);
    expect(woken).toEqual([]);
  });
});
