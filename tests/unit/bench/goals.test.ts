import { describe, expect, test } from "bun:test";
import { ENDED_BY_USER, measureParts } from "../../../src/bench/bench.ts";
import type { BenchPart, BenchWorld } from "../../../src/bench/bench-part.ts";
import type { Figure } from "../../../src/bench/figures.ts";
import { GOALS } from "../../../src/bench/goals.ts";
import { PARTS } from "../../../src/bench/parts.ts";
import { systemClock } from "../../../src/core/clock.ts";

function figure(id: string): Figure {
  return { id, what: id, value: 1, unit: "" };
}

function part(goals: readonly string[], figures: readonly string[]): BenchPart {
  return {
    name: "fake",
    says: "",
    goals,
    boundMs: () => 10_000,
    measure: async () => ({ figures: figures.map(figure) }),
  };
}

/** A world for parts that look at nothing of it. */
function emptyWorld(signal = new AbortController().signal, tell: (line: string) => void = () => undefined): BenchWorld {
  const unused = (): never => {
    throw new Error("the part was not to use it");
  };
  const drivers = {
    ...{ openStore: unused, openNats: unused, openRouter: unused },
    ...{ openJournal: unused, openBridge: unused },
  };
  const postgres = { initdb: "", postgres: "" };
  return {
    ...{ folder: "", executable: "", programs: { natsServer: "", temporal: "", postgres }, drivers },
    ...{ clock: systemClock, signal, durationMs: 0, tell },
  };
}

describe("the numbers to reach", () => {
  test("are each promised by one part; what is measured by address promises none, because no model may be named", () => {
    const promised = PARTS.flatMap(({ goals = [] }) => goals);
    expect(promised.toSorted()).toEqual(
      Object.keys(GOALS)
        .filter((id) => !id.startsWith("user."))
        .toSorted(),
    );
  });

  test("count as not measured where a report lacks the figure that its part has promised", async () => {
    const { reports, notMeasured } = await measureParts([part(["a", "b"], ["b", "c"])], emptyWorld());
    expect(notMeasured).toEqual([{ part: "fake", reason: "it gave no a" }]);
    expect(reports.flatMap(({ figures }) => figures.map(({ id }) => id))).toEqual(["b", "c"]);
  });

  test("are measured where a report holds what was promised", async () => {
    expect((await measureParts([part(["a"], ["a"])], emptyWorld())).notMeasured).toEqual([]);
  });
});

describe("a run of parts", () => {
  test("says the name of each as it begins", async () => {
    const told: string[] = [];
    const telling: BenchPart = {
      ...part([], []),
      says: "what it measures",
      measure: async () => {
        told.push("measured");
        return { figures: [] };
      },
    };
    await measureParts(
      [telling],
      emptyWorld(undefined, (line) => told.push(line)),
    );
    expect(told.slice(0, 2)).toEqual(["fake: what it measures", "measured"]);
  });

  test("that the user ends keeps what was measured, waits for the part under way to stop, and names what is missing", async () => {
    const ending = new AbortController();
    let stopped = false;
    const waiting: BenchPart = {
      ...part([], []),
      name: "waiting",
      measure: async ({ signal }) => {
        const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        ending.abort(new Error("ended by SIGINT"));
        await aborted;
        await Promise.resolve();
        stopped = true;
        throw signal.reason;
      },
    };
    const parts = [part(["a"], ["a"]), waiting, { ...part(["b"], ["b"]), name: "never" }];
    const { reports, notMeasured } = await measureParts(parts, emptyWorld(ending.signal));
    expect(stopped).toBe(true);
    expect(reports.flatMap(({ figures }) => figures.map(({ id }) => id))).toEqual(["a"]);
    expect(notMeasured).toEqual([
      { part: "waiting", reason: ENDED_BY_USER },
      { part: "never", reason: ENDED_BY_USER },
    ]);
  });

  test("that the user ends takes what the part under way has come to", async () => {
    const ending = new AbortController();
    const soaking: BenchPart = {
      ...part([], []),
      measure: async () => {
        ending.abort(new Error("ended by SIGINT"));
        return { figures: [figure("so far")] };
      },
    };
    const { reports, notMeasured } = await measureParts([soaking], emptyWorld(ending.signal));
    expect(reports.flatMap(({ figures }) => figures.map(({ id }) => id))).toEqual(["so far"]);
    expect(notMeasured).toEqual([]);
  });

  test("counts a part as not measured that lacks what it was there to see, and keeps its figures", async () => {
    const lacking: BenchPart = {
      ...part([], []),
      measure: async () => ({ figures: [figure("a")], lacks: ["no long run"] }),
    };
    const { reports, notMeasured } = await measureParts([lacking], emptyWorld());
    expect(notMeasured).toEqual([{ part: "fake", reason: "no long run" }]);
    expect(reports).toHaveLength(1);
  });
});
