import { describe, expect, test } from "bun:test";
import { type ChaosOutcome, passed } from "../../../src/chaos/chaos-run.ts";
import { countLines, type FaultRow, rowLine, verdictLines } from "../../../src/chaos/fault-report.ts";
import { judge, type Verdict } from "../../../src/chaos/verdict.ts";

const EMPTY = judge({ chats: [], counts: new Map(), losses: [], troubles: [], startedAtMs: 0 });
const GOOD: Verdict = { ...EMPTY, totals: { ...EMPTY.totals, turns: 12 } };
const LOST: Verdict = {
  ...GOOD,
  totals: { ...GOOD.totals, turns: 12, lost: 1 },
  findings: [
    {
      ...{ kind: "lost", chat: "c3", chatId: "chat_9", mark: "c3-t1-1", text: "it never ran" },
      ...{ fromMs: 12_000, untilMs: 14_500, during: ["kill-api"] },
    },
  ],
  holds: false,
};

function rows(...results: readonly FaultRow["result"][]): FaultRow[] {
  return results.map((result) => ({ name: "kill-api", text: "SIGKILL", hit: "", result }));
}

/** A run in which all faults were made. */
function outcome(change: Partial<ChaosOutcome> & Pick<ChaosOutcome, "rows" | "verdict">): ChaosOutcome {
  return { asked: 1, made: 1, interrupted: false, ...change };
}

describe("chaos has passed", () => {
  test("where the chats moved after each fault and nothing was found", () => {
    const moved = rows({ kind: "moved", afterMs: 300 }, { kind: "interrupted" });
    expect(passed(outcome({ rows: moved, verdict: GOOD }), true)).toBe(true);
  });

  test("with faults that are not possible here, unless it is strict", () => {
    const made = rows({ kind: "not possible", why: "no namespaces" }, { kind: "moved", afterMs: 300 });
    const one = outcome({ rows: made, verdict: GOOD });
    expect([passed(one, false), passed(one, true)]).toEqual([true, false]);
  });

  test("where the time was over before all faults were made, unless it is strict; a person may end it", () => {
    const short = outcome({ rows: rows({ kind: "moved", afterMs: 300 }), verdict: GOOD, asked: 80, made: 3 });
    expect([passed(short, false), passed(short, true)]).toEqual([true, false]);
    expect(passed({ ...short, interrupted: true }, true)).toBe(true);
  });

  test("never where no fault was made, or nobody asked for anything", () => {
    expect(passed(outcome({ rows: [], verdict: GOOD }), false)).toBe(false);
    expect(passed(outcome({ rows: rows({ kind: "not possible", why: "not yours" }), verdict: GOOD }), false)).toBe(
      false,
    );
    const calm = rows({ kind: "moved", afterMs: 300 }).map((row) => ({ ...row, calm: true as const }));
    expect(passed(outcome({ rows: calm, verdict: GOOD }), false)).toBe(false);
    expect(passed(outcome({ rows: rows({ kind: "moved", afterMs: 300 }), verdict: EMPTY }), false)).toBe(false);
  });

  test("never where something was found, chats stood still, or a process broke", () => {
    expect(passed(outcome({ rows: rows({ kind: "moved", afterMs: 300 }), verdict: LOST }), false)).toBe(false);
    expect(passed(outcome({ rows: rows({ kind: "still", waiting: ["c1"] }), verdict: GOOD }), false)).toBe(false);
    expect(passed(outcome({ rows: rows({ kind: "broke", why: "it did not end" }), verdict: GOOD }), false)).toBe(false);
  });
});

test("the totals stand under their names, and each finding says which chat and call it is of, when it was and in which fault", () => {
  const [names = "", counts = "", finding = ""] = verdictLines(LOST);
  const under = (name: string) =>
    counts
      .slice(0, names.indexOf(name) + name.length)
      .split(/\s+/)
      .at(-1);
  expect([under("turns"), under("lost"), under("doubled")]).toEqual(["12", "1", "0"]);
  expect(finding.trim()).toBe("lost: c3 c3-t1-1 chat_9, at 12.0–14.5 s (kill-api): it never ran");
});

test("a row says when it was made, and those in which calls failed say how many, and why", () => {
  const [made] = rows({ kind: "moved", afterMs: 300 });
  const row = { ...made, name: "kill-daemon", fromMs: 12_000, untilMs: 14_500 };
  if (made === undefined) throw new Error("there is a row");
  const counts = { turns: 9, failedCalls: 3, unknown: 1, findings: 0, reasons: [{ text: "daemon_offline", calls: 3 }] };
  expect(rowLine({ ...made, ...row })).toMatch(/ 12\.0–14\.5 s +after 0\.3 s$/);
  expect(countLines([made, { ...made, ...row, counts: { ...counts, failedCalls: 0, unknown: 0 } }])).toEqual([]);
  expect(countLines([{ ...made, ...row, counts }])).toEqual([
    "kill-daemon (12.0–14.5 s), in 9 turns: 3 calls told failed, 1 unknown, 0 findings",
    "  3 × daemon_offline",
  ]);
});
