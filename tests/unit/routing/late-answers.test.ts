import { beforeEach, describe, expect, test } from "bun:test";
import { LateAnswers } from "../../../src/routing/late-answers.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const DELAY_MS = 50;

let clock: ManualClock;
let given: string[];
let answers: LateAnswers;

beforeEach(() => {
  clock = new ManualClock();
  given = [];
  answers = new LateAnswers(clock, { delayMs: DELAY_MS, most: 3 });
});

const hold = (key: string) => answers.hold(key, () => given.push(key));

describe("answers that something better may take the place of", () => {
  test("are given once, not before their delay and not after twice that", async () => {
    hold("a");
    await clock.advance(DELAY_MS / 2);
    hold("b");
    await clock.advance(DELAY_MS / 2);
    expect(given).toEqual([]);
    await clock.advance(DELAY_MS);
    expect(given).toEqual(["a", "b"]);
    await clock.advance(10 * DELAY_MS);
    expect(given).toEqual(["a", "b"]);
  });

  test("are not given where they were dropped, however long they were held", async () => {
    hold("at once");
    answers.drop("at once");
    hold("later");
    await clock.advance(DELAY_MS);
    answers.drop("later");
    await clock.advance(10 * DELAY_MS);
    expect(given).toEqual([]);
  });

  test("are not given where they were held again before they were dropped", async () => {
    hold("twice");
    await clock.advance(DELAY_MS);
    hold("twice");
    answers.drop("twice");
    await clock.advance(10 * DELAY_MS);
    expect(given).toEqual([]);
  });

  test("are held again after all before them were given", async () => {
    hold("a");
    await clock.advance(3 * DELAY_MS);
    hold("b");
    expect(given).toEqual(["a"]);
    await clock.advance(2 * DELAY_MS);
    expect(given).toEqual(["a", "b"]);
  });

  test("are not held where as many as may be are", async () => {
    expect(["a", "b", "c", "d"].map(hold)).toEqual([true, true, true, false]);
    answers.drop("b");
    expect(hold("e")).toBeTrue();
    await clock.advance(2 * DELAY_MS);
    expect(given).toEqual(["a", "c", "e"]);
  });

  test("are given at the end, and held no more from then on", async () => {
    hold("old");
    await clock.advance(DELAY_MS);
    hold("young");
    answers.stop();
    expect(given).toEqual(["old", "young"]);
    expect(hold("after")).toBeFalse();
    await clock.advance(10 * DELAY_MS);
    expect(given).toHaveLength(2);
  });
});
