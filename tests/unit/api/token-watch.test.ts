import { expect, test } from "bun:test";
import { TokenWatch } from "../../../src/api/token-watch.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { ManualClock } from "../../support/manual-clock.ts";

test("a token is asked for at its pace, one question at a time, until it is refused", async () => {
  const clock = new ManualClock();
  const questions: PromiseWithResolvers<void>[] = [];
  let refusals = 0;
  const watch = new TokenWatch({
    clock,
    mayGoOn: () => {
      const question = Promise.withResolvers<void>();
      questions.push(question);
      return question.promise;
    },
    onRefused: () => void refusals++,
  });
  watch.start();
  await clock.advance(LIMITS.streamTokenCheckMs - 1);
  expect(questions).toHaveLength(0);
  await clock.advance(1);
  expect(questions).toHaveLength(1);
  await clock.advance(LIMITS.streamTokenCheckMs * 2);
  expect(questions).toHaveLength(1);
  questions[0]?.resolve();
  await clock.advance(0);
  await clock.advance(LIMITS.streamTokenCheckMs);
  expect(questions).toHaveLength(2);
  watch.throwIfRefused();
  questions[1]?.reject(new ReliantError("unauthenticated", "the token was revoked"));
  await clock.advance(LIMITS.streamTokenCheckMs * 2);
  expect({ refusals, isRefused: watch.isRefused, asked: questions.length }).toEqual({
    ...{ refusals: 1, isRefused: true, asked: 2 },
  });
  expect(() => watch.throwIfRefused()).toThrow("the token was revoked");
});

test("nothing is asked behind its end, and the end waits for what is asked", async () => {
  const clock = new ManualClock();
  const question = Promise.withResolvers<void>();
  let asked = 0;
  const mayGoOn = () => {
    asked++;
    return question.promise;
  };
  const watch = new TokenWatch({ clock, mayGoOn, onRefused: () => undefined });
  watch.start();
  await clock.advance(LIMITS.streamTokenCheckMs);
  const stopped = watch.stop();
  expect(await Promise.race([stopped.then(() => "stopped"), clock.advance(0).then(() => "waits")])).toBe("waits");
  question.resolve();
  await stopped;
  await clock.advance(LIMITS.streamTokenCheckMs * 2);
  expect(asked).toBe(1);
});
