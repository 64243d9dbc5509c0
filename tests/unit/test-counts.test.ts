import { describe, expect, test } from "bun:test";
import { addCounts, countsLine, countTests } from "../support/test-counts.ts";

const report = (attributes: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="bun test" ${attributes} time="0.1">\n  <testsuite name="a" tests="99" failures="98" />\n</testsuites>`;

describe("the counts of a test run", () => {
  test("come from the report's root", () => {
    const counts = countTests(report('tests="10" assertions="20" failures="2" skipped="1"'), 1);
    expect(counts).toEqual({ passed: 7, failed: 2, skipped: 1 });
  });

  test("show a failure where a file does not load and every test that ran passed", () => {
    expect(countTests(report('tests="4" failures="0" skipped="0"'), 1)).toEqual({ passed: 4, failed: 1, skipped: 0 });
  });

  test("show a failure where the run wrote no report, whatever its exit code", () => {
    expect(countTests(undefined, 0).failed).toBe(1);
    expect(countTests(undefined, null).failed).toBe(1);
    expect(countTests("half a rep", 0).failed).toBe(1);
  });

  test("add up to one plain line", () => {
    const sum = addCounts([
      { passed: 3, failed: 0, skipped: 1 },
      { passed: 4, failed: 2, skipped: 0 },
    ]);
    expect(countsLine(sum)).toBe("7 passed, 2 failed, 1 skipped");
  });
});
