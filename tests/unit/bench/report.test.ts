import { describe, expect, test } from "bun:test";
import { partsNamed } from "../../../src/bench/bench.ts";
import { renderComparison } from "../../../src/bench/compare-runs.ts";
import type { Figure, Growth } from "../../../src/bench/figures.ts";
import { GOALS, isReached } from "../../../src/bench/goals.ts";
import { PARTS } from "../../../src/bench/parts.ts";
import { missedOf, renderRun } from "../../../src/bench/render-report.ts";
import { exitCodeOf, mergeReports, SAVED_RUN, type SavedRun } from "../../../src/bench/report.ts";
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
    expect(missedOf(run)).toEqual([
      "tool call, p99: 57.4 ms (≤ 25 ms)",
      "a square, by chats: 2.00; last two 2.00 (linear)",
    ]);
    expect(renderRun(run)).toContain("2.00");
  });

  test("says of a growth at two sizes that it is not judged", () => {
    const points = [1, 10].map((size) => ({ size, value: size ** 2 }));
    const growth: Growth = { id: "g", what: "a square", unit: "ms", of: "chats", mayBe: "linear", points };
    const run = aRun({ growths: [{ ...growth, points: [...points] }] });
    expect(missedOf(run)).toEqual([]);
    const row = renderRun(run)
      .split("\n")
      .find((line) => line.startsWith("a square"));
    expect(row).toContain("not judged: fewer than three sizes");
    expect(row).not.toContain("yes");
  });
});

describe("a saved run", () => {
  test("is read again from what --json saves, with each figure's goal and whether it is reached", () => {
    const run = aRun(mergeReports([{ figures: [SLOW, SMALL, { ...SMALL, id: "unknown.mb" }] }]));
    const read = SAVED_RUN.parse(JSON.parse(JSON.stringify(run)));
    expect(read).toEqual(run);
    expect(read.figures.map(({ goal, reached }) => ({ goal, reached }))).toEqual([
      { goal: { atMost: 25 }, reached: false },
      { goal: { atMost: 80 }, reached: true },
      { goal: undefined, reached: undefined },
    ]);
  });

  test("of a version that saved no goals is read as well", () => {
    const old = aRun({ figures: [SLOW, SMALL] });
    expect(SAVED_RUN.parse(JSON.parse(JSON.stringify(old)))).toEqual(old);
  });
});

describe("the exit code", () => {
  const watched = (rises: boolean) => {
    const numbers = { middle: 1, last: 2, perHour: 60, may: "rise by 1", rises };
    return { what: "memory", unit: "MB", ...numbers, samples: [] };
  };

  test("is 0 where all was measured and nothing rises", () => {
    expect(exitCodeOf(aRun({ watched: [watched(false)] }), false)).toBe(0);
  });

  test("is 1 where something was not measured, or rises", () => {
    expect(exitCodeOf(aRun({ notMeasured: [{ part: "api", reason: "no Postgres" }] }), false)).toBe(1);
    expect(exitCodeOf(aRun({ watched: [watched(false), watched(true)] }), false)).toBe(1);
  });

  test("is 0 where a number is not reached: the machine may be a small one", () => {
    expect(exitCodeOf(aRun({ figures: [SLOW] }), false)).toBe(0);
  });

  test("is 130 where the user has ended the run", () => {
    expect(exitCodeOf(aRun(), true)).toBe(130);
    expect(exitCodeOf(aRun({ notMeasured: [{ part: "api", reason: "ended" }] }), true)).toBe(130);
  });
});

describe("two runs beside each other", () => {
  const before = aRun({ figures: [{ ...SLOW, value: 50 }, STREAMS] });

  const rowsOf = (text: string) => text.split("\n").map((line) => line.replaceAll(/\s+/g, " ").trim());

  test("show the change of each figure in percent, and which is new or gone", () => {
    const text = renderComparison(before, aRun({ figures: [{ ...SLOW, raw: undefined, value: 60 }, SMALL] }));
    const rows = rowsOf(text);
    expect(rows).toContain("tool call, p99 | 50 ms | 60 ms | +20.0 %");
    expect(rows).toContain("streams | 4999 | | not measured");
    expect(rows).toContain("idle daemon | | 69.8 MB | new");
    expect(text).not.toContain("differ");
  });

  test("show the ratio to the raw part where both runs have one: a slower machine is slower in both", () => {
    const raw = { what: "bare", value: 20 };
    const rows = rowsOf(renderComparison(before, aRun({ figures: [{ ...SLOW, value: 100, raw }] })));
    expect(rows).toContain("tool call, p99 | 50 ms | 100 ms | +100.0 % | 5 × | 5 ×");
  });

  test("show the powers with which costs grow, where one of them has any", () => {
    const growth = (power: number) => {
      const points = [1, 10, 100].map((size) => ({ size, value: size ** power }));
      return { id: "g", what: "a cost", unit: "ms", of: "chats", mayBe: "linear", points } as const;
    };
    const withGrowth = (power: number) => aRun({ growths: [{ ...growth(power), points: [...growth(power).points] }] });
    const rows = rowsOf(renderComparison(withGrowth(1), withGrowth(1.5)));
    expect(rows).toContain("a cost | 1.00; last two 1.00 | 1.50; last two 1.50");
    expect(rowsOf(renderComparison(aRun(), withGrowth(1)))).toContain("a cost | | 1.00; last two 1.00");
    expect(renderComparison(before, before)).not.toContain("cost as work grows");
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
