import { describe, expect, test } from "bun:test";
import { TurnEnd } from "../../../src/rpc/turn-end.ts";

describe("work at the end of a turn", () => {
  test("is done together, in order, and once", () => {
    const deferred: (() => void)[] = [];
    const turnEnd = new TurnEnd((work) => void deferred.push(work));
    const done: number[] = [];
    turnEnd.do(() => done.push(1));
    turnEnd.do(() => done.push(2));
    expect([deferred.length, done.length]).toEqual([1, 0]);
    deferred.shift()?.();
    expect(done).toEqual([1, 2]);
    turnEnd.do(() => done.push(3));
    deferred.shift()?.();
    expect(done).toEqual([1, 2, 3]);
  });

  test("is done though some other piece of it throws, which is told", () => {
    const deferred: (() => void)[] = [];
    const errors: unknown[] = [];
    const turnEnd = new TurnEnd(
      (work) => void deferred.push(work),
      (error) => void errors.push(error),
    );
    const done: number[] = [];
    const failure = new Error("the stream is dead");
    turnEnd.do(() => {
      throw failure;
    });
    turnEnd.do(() => done.push(2));
    deferred.shift()?.();
    expect([done, errors]).toEqual([[2], [failure]]);
  });
});
