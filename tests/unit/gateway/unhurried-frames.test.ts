import { describe, expect, test } from "bun:test";
import { UnhurriedFrames } from "../../../src/gateway/unhurried-frames.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const DELAY_MS = 160;

describe("frames in no hurry", () => {
  test("go out within the delay of their own, in order, and once", async () => {
    const { clock, unhurried, woken, sleeper } = world();
    unhurried.wakeSoon(sleeper("first"));
    await clock.advance(100);
    unhurried.wakeSoon(sleeper("second"));
    await clock.advance(40);
    expect(woken).toEqual([]);
    await clock.advance(20);
    expect(woken).toEqual(["first"]);
    await clock.advance(80);
    expect(woken).toEqual(["first"]);
    await clock.advance(20);
    expect(woken).toEqual(["first", "second"]);
    await clock.advance(10 * DELAY_MS);
    expect(woken).toHaveLength(2);
  });

  test("one that waits already is not put off by another frame", async () => {
    const { clock, unhurried, woken, sleeper } = world();
    const same = sleeper("same");
    unhurried.wakeSoon(same);
    await clock.advance(100);
    unhurried.wakeSoon(same);
    await clock.advance(60);
    expect(woken).toEqual(["same"]);
    await clock.advance(10 * DELAY_MS);
    expect(woken).toHaveLength(1);
  });

  test("of many that come one after the other, no turn wakes more than a slice", async () => {
    const { clock, unhurried, woken, sleeper } = world();
    let most = 0;
    let wokenBefore = 0;
    for (let at = 0; at < 3 * DELAY_MS; at++) {
      unhurried.wakeSoon(sleeper(`${at}`));
      await clock.advance(1);
      most = Math.max(most, woken.length - wokenBefore);
      wokenBefore = woken.length;
    }
    expect(woken.length).toBeGreaterThan(DELAY_MS);
    expect(most).toBeLessThanOrEqual(DELAY_MS / 16 + 1);
  });

  test("wake nobody, and no timer, once they are stopped", async () => {
    const { clock, unhurried, woken, sleeper } = world();
    unhurried.wakeSoon(sleeper("before"));
    unhurried.stop();
    unhurried.wakeSoon(sleeper("after"));
    await clock.advance(10 * DELAY_MS);
    expect(woken).toEqual([]);
  });
});

function world() {
  const clock = new ManualClock();
  const woken: string[] = [];
  const sleeper = (name: string) => ({ wake: () => void woken.push(name) });
  return { clock, woken, sleeper, unhurried: new UnhurriedFrames(clock, DELAY_MS) };
}
