import { describe, expect, test } from "bun:test";
import { helloAnswer } from "../../../src/chaos/chaos-script.ts";
import { ChatSession } from "../../../src/chaos/chat-session.ts";
import type { ChatFact } from "../../../src/chaos/facts.ts";
import { checkScript } from "../../../src/chaos/hello.ts";
import { seededRandom } from "../../../src/chaos/seeded-random.ts";
import type { Target } from "../../../src/chaos/target.ts";
import { answerOf } from "../../../src/chaos/turn-plan.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { TRIAL_LIMITS } from "../../../src/core/trial-limits.ts";
import { FakeApi } from "./fake-api.ts";
import { FakeTarget } from "./fake-target.ts";

const TIME = 20_000;
const marked = (prompt: string) => answerOf(/mark=(\S+)/.exec(prompt)?.[1] ?? "");

function targetOf(api: FakeApi): Target {
  const fake = new FakeTarget();
  return { ...fake, api: api.clients, victims: () => [], server: () => undefined, link: () => undefined };
}

/** One chat, stopped after so many updates; `end` aborts when the stop has come and this returns true. */
async function run(
  api: FakeApi,
  more: { readonly stopAfter?: number; readonly endAfter?: number } = {},
): Promise<ChatFact> {
  const stop = new AbortController();
  const end = new AbortController();
  let updates = 0;
  const sent: number[] = [];
  const session = new ChatSession({
    ...{ target: targetOf(api), daemon: new FakeTarget().laptop, number: 3 },
    ...{ random: seededRandom(1), clock: systemClock },
    onTurn: (sentAtMs) => sent.push(sentAtMs),
    onMove: () => {
      updates++;
      if (updates >= (more.stopAfter ?? 1)) stop.abort();
      if (updates >= (more.endAfter ?? Number.POSITIVE_INFINITY)) end.abort(new Error("not at rest in time"));
    },
  });
  const fact = await session.run(stop.signal, end.signal);
  // Each turn that ended was told with the moment at which it was sent.
  expect(sent).toEqual([...sent].sort((a, b) => a - b));
  expect(sent).toHaveLength(fact.turns.filter((turn) => turn.end !== undefined).length);
  return fact;
}

describe("a chat of chaos", () => {
  test(
    "has its turns answered, one after the other, and is at rest when it is stopped",
    async () => {
      const fact = await run(new FakeApi(marked), { stopAfter: 7 });
      expect(fact).toMatchObject({ name: "c3", daemon: "laptop", streamFaults: [] });
      expect(fact.stuck).toBeUndefined();
      expect(fact.turns.map(({ mark, answered, end }) => ({ mark, answered, end: end?.state }))).toEqual(
        ["c3-t1", "c3-t2", "c3-t3"].map((mark) => ({ mark, answered: true, end: "succeeded" })),
      );
    },
    TIME,
  );

  test(
    "ends after so many turns by itself",
    async () => {
      const fact = await run(new FakeApi(marked), { stopAfter: Number.POSITIVE_INFINITY });
      expect(fact.turns).toHaveLength(TRIAL_LIMITS.chaosTurnsPerChat);
    },
    TIME,
  );

  test(
    "sends again what was not taken, and goes on where its stream broke",
    async () => {
      const api = new FakeApi(marked);
      api.refusals = 2;
      api.updatesPerStream = 2;
      const fact = await run(api, { stopAfter: 4 });
      expect(fact).toMatchObject({ streamFaults: [], turns: [{ answered: true }, { answered: true }] });
      expect(fact.stuck).toBeUndefined();
    },
    TIME,
  );

  test(
    "tells a turn that was answered by somebody else",
    async () => {
      const fact = await run(new FakeApi(() => "Hello! How can I help?"));
      expect(fact.turns).toMatchObject([{ mark: "c3-t1", answered: false, end: { state: "succeeded" } }]);
    },
    TIME,
  );

  test(
    "that does not come to rest is stuck, with what the API says of it",
    async () => {
      const fact = await run(new FakeApi(() => undefined), { endAfter: 1 });
      expect(fact.stuck).toContain("c3-t1");
      expect(fact.stuck).toContain("not at rest in time");
      expect(fact.stuck).toContain("run run_1 RUNNING, last update 1");
    },
    TIME,
  );
});

describe("the first question to a stack", () => {
  const signal = new AbortController().signal;
  const nonceOf = (prompt: string) => /nonce=(\S+)/.exec(prompt)?.[1] ?? "";

  test("is answered by chaos's script", async () => {
    await checkScript(targetOf(new FakeApi((prompt) => helloAnswer(nonceOf(prompt)))), systemClock, signal);
  });

  test("and by no other model: what to do is said", async () => {
    const foreign = checkScript(targetOf(new FakeApi(() => "Hello!")), systemClock, signal);
    await expect(foreign).rejects.toMatchObject({
      code: "failed_precondition",
      message: expect.stringContaining("another model answered"),
      hint: expect.stringContaining("--write-script"),
    });
  });
});
