import { describe, expect, test } from "bun:test";
import type { DaemonLoss, Trouble } from "../../../src/chaos/facts.ts";
import { chosenFaults } from "../../../src/chaos/fault-choice.ts";
import { type FaultRow, rowLine } from "../../../src/chaos/fault-report.ts";
import { type Moving, type RotationPlan, rotate } from "../../../src/chaos/rotate.ts";
import { seededRandom } from "../../../src/chaos/seeded-random.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { FakeTarget } from "./fake-target.ts";

/** Time that passes only where somebody sleeps, at once. */
function sleepyClock(): Clock & { sleptMs: number[] } {
  let nowMs = 1_000_000;
  const sleptMs: number[] = [];
  return {
    sleptMs,
    now: () => nowMs,
    stamp: () => ({ wallMs: nowMs, monotonicMs: nowMs }),
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      sleptMs.push(ms);
      nowMs += ms;
    },
    after: () => () => undefined,
  };
}

const MOVING: Moving = { isOver: false, allMovedSince: async () => undefined, stillSince: () => [] };

async function run(
  faults: readonly string[],
  more: Partial<RotationPlan> & { target?: FakeTarget; crowd?: Moving; signal?: AbortSignal } = {},
) {
  const { target = new FakeTarget(), crowd = MOVING, signal = new AbortController().signal, ...plan } = more;
  const rows: FaultRow[] = [];
  const losses: DaemonLoss[] = [];
  const troubles: Trouble[] = [];
  const clock = sleepyClock();
  await rotate(
    { faults: chosenFaults(faults), rounds: 1, untilMs: undefined, awayMs: 60_000, ...plan },
    {
      ...{ target, crowd, clock, random: seededRandom(1), startedAtMs: 1_000_000 },
      onRow: async (row) => void rows.push(row),
      onLoss: (loss) => losses.push(loss),
      onTrouble: (trouble) => troubles.push(trouble),
    },
    signal,
  );
  return { rows, losses, troubles, done: target.done, sleptMs: clock.sleptMs };
}

describe("each fault is made and taken back", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["kill-worker", ["kill worker 0", "start worker 0"]],
    ["freeze-gateway", ["pause gateway 0", "resume gateway 0"]],
    ["terminate-api", ["terminate api 0", "start api 0"]],
    ["kill-nats", ["kill nats", "start nats"]],
    ["away-postgres", ["kill postgres", "start postgres"]],
    ["cut-client-api", ["cut client-api", "restore client-api"]],
    ["reset-worker-temporal", ["reset_peer worker-temporal", "no more worker-temporal"]],
    ["full-disk-daemon", ["fill", "free"]],
  ];
  for (const [name, done] of cases) {
    test(name, async () => {
      const outcome = await run([name]);
      expect(outcome.done).toEqual([...done]);
      expect(outcome.rows).toMatchObject([{ name, result: { kind: "moved" } }]);
    });
  }

  test("and a server is away for as long as it is asked for", async () => {
    expect((await run(["away-nats"], { awayMs: 77_000 })).sleptMs).toContain(77_000);
  });

  test("and a daemon's SIGKILL is remembered with its moment; its SIGTERM is not", async () => {
    expect((await run(["kill-daemon"])).losses).toEqual([{ daemon: "laptop", fromMs: 1_000_000, untilMs: 1_000_000 }]);
    expect((await run(["terminate-daemon", "kill-worker"])).losses).toEqual([]);
  });
});

describe("a fault that was made", () => {
  test("says when, and whose calls it may cost: nobody's, its daemon's, or all", async () => {
    const { rows, troubles } = await run(["kill-worker", "freeze-daemon", "kill-gateway"]);
    const row = rows.find(({ name }) => name === "freeze-daemon");
    expect((row?.untilMs ?? 0) - (row?.fromMs ?? 0)).toBe(10_000);
    expect(Object.fromEntries(troubles.map(({ fault, costs }) => [fault, costs]))).toEqual({
      "kill-worker": "none",
      "freeze-daemon": { daemon: "laptop" },
      "kill-gateway": "all",
    });
    expect(troubles.map(({ fromMs }) => fromMs - 1_000_000)).toEqual(rows.map(({ fromMs }) => fromMs ?? -1));
  });

  test("may cost every daemon's calls where it broke before it was known which one it hit", async () => {
    const target = new FakeTarget();
    target.laptop.pause = () => {
      throw new Error("no such process");
    };
    expect((await run(["freeze-daemon"], { target })).troubles).toMatchObject([{ costs: "all" }]);
  });
});

describe("a rotation", () => {
  test("goes through all faults as often as it is asked to", async () => {
    const { rows } = await run(["kill-*"], { rounds: 2 });
    const names = rows.map(({ name }) => name);
    expect(names).toHaveLength(14);
    expect(new Set(names).size).toBe(7);
  });

  test("begins no fault after its time", async () => {
    const { rows } = await run(["freeze-api"], { rounds: undefined, untilMs: 1_000_000 + 25_000 });
    // Each takes 10 s and a second of pause.
    expect(rows).toHaveLength(3);
  });

  test("ends where no chat is left", async () => {
    expect((await run(["kill-*"], { crowd: { ...MOVING, isOver: true } })).rows).toEqual([]);
  });

  test("says what is not possible, once, and leaves it out", async () => {
    const target = new FakeTarget();
    target.means = { ...target.means, noSmallDisk: "it is not Linux" };
    const { rows, done } = await run(["full-disk-daemon", "kill-api"], { target, rounds: 2 });
    expect(rows.map(({ name, result }) => `${name} ${result.kind}`)).toEqual([
      "full-disk-daemon not possible",
      "kill-api moved",
      "kill-api moved",
    ]);
    expect(done).not.toContain("fill");
    expect(rowLine(rows[0] ?? never())).toContain("not possible here: it is not Linux");
  });
});

describe("what goes wrong is told", () => {
  test("chats that do not move again, by what they wait for", async () => {
    const tooLate = async () => {
      throw new Error("too late");
    };
    const { rows } = await run(["kill-api"], {
      crowd: { isOver: false, allMovedSince: tooLate, stillSince: () => ["c3-t1 (slow) runs"] },
    });
    expect(rows).toMatchObject([{ result: { kind: "still", waiting: ["c3-t1 (slow) runs"] } }]);
  });

  test("a process that does not come back", async () => {
    const target = new FakeTarget();
    target.worker0.failure = "no port";
    expect((await run(["kill-worker"], { target })).rows).toMatchObject([
      { result: { kind: "broke", why: "no port" } },
    ]);
  });

  test("a process that ended by itself, with its last words; it is started again", async () => {
    const target = new FakeTarget();
    target.laptop.isRunning = false;
    const { rows, done } = await run(["kill-api"], { target });
    expect(rows).toMatchObject([{ result: { kind: "broke", why: expect.stringContaining("its last words") } }]);
    expect(done).toContain("start laptop");
  });

  test("and a person's end: the fault is taken back, and no other one begins", async () => {
    const ending = new AbortController();
    const target = new FakeTarget();
    target.gateway0.pause = () => ending.abort(new Error("ended by SIGINT"));
    const { rows, done } = await run(["freeze-*"], { target, signal: ending.signal });
    expect(done.at(-1)).toBe("resume gateway 0");
    expect(rows.at(-1)).toMatchObject({ name: "freeze-gateway", result: { kind: "interrupted" } });
  });
});

function never(): never {
  throw new Error("there is a row");
}

test("a fault is trouble from its beginning until the chats have moved after it", async () => {
  const { troubles, sleptMs } = await run(["freeze-gateway"]);
  const [trouble] = troubles;
  expect(troubles).toHaveLength(1);
  expect((trouble?.untilMs ?? 0) - (trouble?.fromMs ?? 0)).toBe(sleptMs[0] ?? -1);
});
