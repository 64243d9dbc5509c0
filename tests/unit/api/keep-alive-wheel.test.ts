import { describe, expect, test } from "bun:test";
import { KeepAliveWheel } from "../../../src/api/keep-alive-wheel.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** A clock that counts the timers that are set. */
class CountedClock extends ManualClock {
  set = 0;

  override after(ms: number, callback: () => void): () => void {
    this.set++;
    const disarm = super.after(ms, () => {
      this.set--;
      callback();
    });
    return () => {
      this.set--;
      disarm();
    };
  }
}

describe("the wheel", () => {
  test("beats for each stream within one round, and then once a round", async () => {
    const clock = new ManualClock();
    const wheel = new KeepAliveWheel(clock);
    const beats = Array.from({ length: 700 }, () => 0);
    beats.forEach((_, index) => {
      wheel.add(() => {
        beats[index] = (beats[index] ?? 0) + 1;
      });
    });
    for (let round = 1; round <= 3; round++) {
      await clock.advance(LIMITS.keepAliveMs);
      expect(new Set(beats)).toEqual(new Set([round]));
    }
  });

  test("spreads streams that came at once over the round", async () => {
    const clock = new ManualClock();
    const wheel = new KeepAliveWheel(clock);
    const atMs: number[] = [];
    const ticks = LIMITS.keepAliveMs / LIMITS.keepAliveTickMs;
    for (let stream = 0; stream < 3 * ticks; stream++) wheel.add(() => void atMs.push(clock.now()));
    await clock.advance(LIMITS.keepAliveMs);
    const times = new Map<number, number>();
    for (const ms of atMs) times.set(ms, (times.get(ms) ?? 0) + 1);
    expect([times.size, ...new Set(times.values())]).toEqual([ticks, 3]);
  });

  test("has one timer for all, and none for nobody", async () => {
    const clock = new CountedClock();
    const wheel = new KeepAliveWheel(clock);
    let beats = 0;
    const leave = Array.from({ length: 50 }, () => wheel.add(() => void beats++));
    await clock.advance(LIMITS.keepAliveMs);
    expect([clock.set, beats]).toEqual([1, 50]);
    for (const end of [...leave, ...leave]) end();
    expect(clock.set).toBe(0);
    await clock.advance(LIMITS.keepAliveMs * 2);
    expect(beats).toBe(50);
    wheel.add(() => void beats++);
    await clock.advance(LIMITS.keepAliveMs);
    expect([clock.set, beats]).toEqual([1, 51]);
  });

  test("a process that was held up beats once for what it has missed", async () => {
    const clock = new ManualClock();
    let aheadMs = 0;
    const held = {
      now: () => clock.now(),
      sleep: clock.sleep.bind(clock),
      after: clock.after.bind(clock),
      stamp: () => ({ wallMs: clock.now(), monotonicMs: clock.now() + aheadMs }),
    };
    const wheel = new KeepAliveWheel(held);
    const beats = [0, 0];
    beats.forEach((_, index) => {
      wheel.add(() => {
        beats[index] = (beats[index] ?? 0) + 1;
      });
    });
    aheadMs = LIMITS.keepAliveMs * 10;
    await clock.advance(LIMITS.keepAliveTickMs);
    expect(beats).toEqual([1, 1]);
  });
});
