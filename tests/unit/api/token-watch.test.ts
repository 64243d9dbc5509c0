import { expect, test } from "bun:test";
import { TokenWatch } from "../../../src/api/token-watch.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { ManualClock } from "../../support/manual-clock.ts";

test("a token is asked for at its pace, one question at a time, until it is refused", async () => {
  const clock = new ManualClock();
  const questions: PromiseWithResolvers<number | undefined>[] = [];
  let refusals = 0;
  const watch = new TokenWatch({
    clock,
    mayGoOn: () => {
      const question = Promise.withResolvers<number | undefined>();
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
  questions[0]?.resolve(undefined);
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

test("an answer that is believed for longer is asked for again when that has passed, and after a minute at the latest", async () => {
  const clock = new ManualClock();
  const asked: number[] = [];
  const beganMs = clock.now();
  const believedMs = [10_000, 0, LIMITS.streamTokenTrustMs * 5, 0];
  const watch = new TokenWatch({
    clock,
    mayGoOn: async () => {
      const forMs = believedMs[asked.length] ?? 0;
      asked.push(clock.now() - beganMs);
      return clock.now() + forMs;
    },
    onRefused: () => undefined,
  });
  watch.start();
  const pace = LIMITS.streamTokenCheckMs;
  const [first, second] = [pace + 10_000, pace + 10_000 + pace];
  await clock.advance(second + LIMITS.streamTokenTrustMs);
  expect(asked).toEqual([pace, first, second, second + LIMITS.streamTokenTrustMs]);
  await watch.stop();
});

test("nothing is asked behind its end, and the end waits for what is asked", async () => {
  const clock = new ManualClock();
  const question = Promise.withResolvers<undefined>();
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
  question.resolve(undefined);
  await stopped;
  await clock.advance(LIMITS.streamTokenCheckMs * 2);
  expect(asked).toBe(1);
});
