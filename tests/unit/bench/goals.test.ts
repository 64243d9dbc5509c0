import { describe, expect, test } from "bun:test";
import { measureParts } from "../../../src/bench/bench.ts";
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
function emptyWorld(): BenchWorld {
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
    ...{ clock: systemClock, signal: new AbortController().signal, durationMs: 0, tell: () => undefined },
  };
}

describe("the numbers to reach", () => {
  test("are each promised by one part", () => {
    const promised = PARTS.flatMap(({ goals = [] }) => goals);
    expect(promised.toSorted()).toEqual(Object.keys(GOALS).toSorted());
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
