import { describe, expect, test } from "bun:test";
import { type ApiFacts, apiReport } from "../../../src/bench/api-report.ts";
import { isReached } from "../../../src/bench/goals.ts";

const spread = (p50: number, p99: number) => ({ p50, p99, most: p99 });

function facts(changes: Partial<ApiFacts> = {}): ApiFacts {
  const at = (size: number) => ({
    ...{ size, megabytes: 100 + size / 50, corePercent: size / 500, processorMsPerMessage: 20 },
    accepted: spread(20, 40),
  });
  return {
    ...{ idleMb: 100, points: [at(500), at(1_500), at(5_000)] },
    quiet: { ours: spread(8, 20), bare: spread(1, 2) },
    loaded: { ours: spread(12, 44), bare: spread(3, 11) },
    ...{ bare: spread(5, 10), bareKb: 10, senders: 4 },
    ...{ kept: { open: 5_000, lost: 0, reason: "" }, ...changes },
  };
}

function rawOf(id: string): number | undefined {
  return apiReport(facts()).figures.find((figure) => figure.id === `api.${id}`)?.raw?.value;
}

describe("the report of the API", () => {
  test("shows each time beside that of a bare client, at the median and at p99", () => {
    expect(["first_byte_p50_ms", "first_byte_p99_ms"].map(rawOf)).toEqual([1, 2]);
    expect(["first_byte_loaded_p50_ms", "first_byte_loaded_p99_ms"].map(rawOf)).toEqual([3, 11]);
    expect(["accepted_p50_ms", "accepted_p99_ms"].map(rawOf)).toEqual([5, 10]);
  });

  test("counts the streams that stayed open: one that was lost misses the number to reach, and is told", () => {
    const streamsOf = (kept: ApiFacts["kept"]) => {
      const { figures, notes } = apiReport(facts({ kept }));
      const value = figures.find(({ id }) => id === "api.streams")?.value ?? Number.NaN;
      return { reached: isReached("api.streams", value), notes };
    };
    expect(streamsOf({ open: 5_000, lost: 0, reason: "" })).toEqual({ reached: true, notes: [] });
    expect(streamsOf({ open: 4_999, lost: 1, reason: "reset" })).toEqual({
      reached: false,
      notes: ["api: 1 of the streams did not stay open: reset"],
    });
  });
});
