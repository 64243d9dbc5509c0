/** What a group of tests came to. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * The counts of a run of `bun test`, from its JUnit report and its exit code. A run that failed without a failed test
 * (a file that does not load, a crash, no report) counts as one failure.
 */
export function countTests(report: string | undefined, exitCode: number | null): TestCounts {
  const root = /<testsuites\b([^>]*)>/.exec(report ?? "")?.[1];
  const failed = attribute(root, "failures") + attribute(root, "errors");
  const skipped = attribute(root, "skipped");
  const passed = attribute(root, "tests") - failed - skipped;
  return { passed, failed: exitCode === 0 && root !== undefined ? failed : Math.max(failed, 1), skipped };
}

export function addCounts(all: readonly TestCounts[]): TestCounts {
  return all.reduce(
    (sum, each) => ({
      passed: sum.passed + each.passed,
      failed: sum.failed + each.failed,
      skipped: sum.skipped + each.skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

/** The plain line that ends a run. */
export function countsLine(counts: TestCounts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}

function attribute(tag: string | undefined, name: string): number {
  return Number(new RegExp(`\\b${name}="(\\d+)"`).exec(tag ?? "")?.[1] ?? 0);
}
