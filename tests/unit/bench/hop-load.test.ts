import { expect, test } from "bun:test";
import { highestHeldRate } from "../../../src/bench/gateway/hop-load.ts";
import type { CallerFacts } from "../../../src/bench/gateway/part-options.ts";
import { ManagedProcess } from "../../../src/stack/managed-process.ts";

/** Callers that find, one after the other, what is given; each is a process that says so. */
function callersThatFind(found: readonly Partial<CallerFacts>[]) {
  const left = [...found];
  return {
    natsUrl: "nats://127.0.0.1:1",
    world: { signal: AbortSignal.timeout(30_000), tell: () => undefined },
    spawn: () => {
      const facts = { calls: 1, perSecond: 0, failed: 0, p50Ms: 1, p99Ms: 2, maxMs: 3, ...left.shift() };
      return ManagedProcess.start({ command: ["/bin/echo", `calls ${JSON.stringify(facts)}`], env: {}, cwd: "/" });
    },
  };
}

test("what a rate costs counts where it was held: neither a try that was not, nor the rate that ends the climb", async () => {
  const held = await highestHeldRate(
    callersThatFind([
      { perSecond: 1_000 },
      { perSecond: 1_200 },
      { perSecond: 1_990 },
      { perSecond: 2_900, failed: 3 },
      { perSecond: 3_000, p99Ms: 51 },
    ]),
    process.pid,
    200,
    [1_000, 2_000, 3_000, 4_000],
  );
  expect(held.perSecond).toBe(1_990);
  expect(held.tried).toHaveLength(5);
  expect(held.costs.map(({ facts }) => facts.perSecond)).toEqual([1_000, 1_990]);
});
