import { describe, expect, test } from "bun:test";
import { partsNamed } from "../../../src/bench/bench.ts";
import { renderComparison } from "../../../src/bench/compare-runs.ts";
import type { Figure, Growth } from "../../../src/bench/figures.ts";
import { GOALS, isReached } from "../../../src/bench/goals.ts";
import { PARTS } from "../../../src/bench/parts.ts";
import { missedOf, renderRun } from "../../../src/bench/render-report.ts";
import { SAVED_RUN, type SavedRun } from "../../../src/bench/report.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";

const MACHINE = {
  ...{ cores: 2, processor: "Z80", memoryMb: 1024, platform: "linux-x64" },
  ...{ busyPercent: 3, stolenPercent: 1 },
};

function aRun(changes: Partial<SavedRun> = {}): SavedRun {
  return {
    ...{ version: "0.1.0", atMs: 0, machine: MACHINE, figures: [], rawParts: [], growths: [], watched: [], notes: [] },
    ...{ notMeasured: [], ...changes },
  };
}

const SLOW: Figure = {
  ...{ id: "tool_call.p99_ms", what: "tool call, p99", value: 57.4, unit: "ms" },
  raw: { what: "bare", value: 10 },
};
const SMALL: Figure = { id: "idle_daemon.mb", what: "idle daemon", value: 69.84, unit: "MB" };
const STREAMS: Figure = { id: "api.streams", what: "streams", value: 4_999, unit: "" };

describe("the table of a run", () => {
  test("shows each figure with its number to reach, whether it is reached, and its ratio to the raw part", () => {
    const lines = renderRun(aRun({ figures: [SLOW, SMALL, STREAMS] })).split("\n");
    expect(lines[0]).toBe("linux-x64, 2 cores (Z80), 1024 MB; 3 % busy before the start (1 % taken by the host)");
    expect(lines.slice(4, 7).map((line) => line.replaceAll(/\s+/g, " ").trim())).toEqual([
      "tool call, p99 | 57.4 ms | ≤ 25 ms | NO | 5.74 × (bare: 10 ms)",
      "idle daemon | 69.8 MB | ≤ 80 MB | yes |",
      "streams | 4999 | ≥ 5000 | NO |",
    ]);
  });

  test("says when the machine was busy, and what was not measured", () => {
    const text = renderRun(
      aRun({ machine: { ...MACHINE, busyPercent: 88 }, notMeasured: [{ part: "api", reason: "no Postgres" }] }),
    );
    expect(text).toContain("88 % busy before the start (1 % taken by the host); times are those of a busy machine");
    expect(text).toContain("not measured: api: no Postgres");
  });

  test("tells what is missed: numbers that are not reached, and costs that grow faster than they may", () => {
    const points = [1, 10, 100].map((size) => ({ size, value: size ** 2 }));
    const growth: Growth = { id: "g", what: "a square", unit: "ms", of: "chats", mayBe: "linear", points };
    const run = aRun({ figures: [SLOW, SMALL], growths: [{ ...growth, points: [...points] }] });
    expect(missedOf(run)).toEqual(["tool call, p99", "a square"]);
    expect(renderRun(run)).toContain("2.00");
  });

  test("is read again from what --json saves", () => {
    const run = aRun({ figures: [SLOW, SMALL] });
    expect(SAVED_RUN.parse(JSON.parse(JSON.stringify(run)))).toEqual(run);
  });
});

describe("two runs beside each other", () => {
  const before = aRun({ figures: [{ ...SLOW, value: 50 }, STREAMS] });

  test("show the change of each figure in percent, and which is new or gone", () => {
    const text = renderComparison(before, aRun({ figures: [{ ...SLOW, value: 60 }, SMALL] }));
    const rows = text.split("\n").map((line) => line.replaceAll(/\s+/g, " ").trim());
    expect(rows).toContain("tool call, p99 | 50 ms | 60 ms | +20.0 %");
    expect(rows).toContain("streams | 4999 | | not measured");
    expect(rows).toContain("idle daemon | | 69.8 MB | new");
    expect(text).not.toContain("differ");
  });

  test("say when the machines differ, or one was busier", () => {
    const other = aRun({ machine: { ...MACHINE, cores: 8, busyPercent: 70 } });
    const text = renderComparison(before, other);
    expect(text).toContain("the machines differ (cores): only ratios may be compared");
    expect(text).toContain("one of the runs had a busier machine");
  });
});

describe("the parts", () => {
  test("that are not named are all but those that take long", () => {
    expect(partsNamed([]).map(({ name }) => name)).toEqual(
      PARTS.filter(({ onlyNamed }) => onlyNamed !== true).map(({ name }) => name),
    );
    expect(partsNamed(["soak"]).map(({ name }) => name)).toEqual(["soak"]);
  });

  test("are named by the command's help, each of them", () => {
    const bench = COMMANDS.entries.find(({ name }) => name === "bench");
    const says = bench?.kind === "command" ? bench.text?.says : undefined;
    const [names = "", byDefault = ""] = says?.split(" (") ?? [];
    expect(names.split(", ")).toEqual(PARTS.map(({ name }) => name));
    expect(byDefault).toBe(
      `default all but ${PARTS.filter(({ onlyNamed }) => onlyNamed === true)
        .map(({ name }) => name)
        .join(", ")})`,
    );
  });

  test("that there are not are an error that names all of them", () => {
    expect(() => partsNamed(["soak", "speed"])).toThrow("measure speed: there is no such part");
  });

  test("of a number to reach are reached or not, and of none neither", () => {
    expect(isReached("idle_daemon.mb", 80)).toBe(true);
    expect(isReached("idle_daemon.mb", 80.1)).toBe(false);
    expect(isReached("worker.runs_ratio", 0.69)).toBe(false);
    expect(isReached("nothing.known", 1)).toBeUndefined();
    expect(Object.keys(GOALS).length).toBeGreaterThan(10);
  });
});
