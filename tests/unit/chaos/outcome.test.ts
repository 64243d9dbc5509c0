import { describe, expect, test } from "bun:test";
import { passed } from "../../../src/chaos/chaos-run.ts";
import { type FaultRow, verdictLines } from "../../../src/chaos/fault-report.ts";
import { judge, type Verdict } from "../../../src/chaos/verdict.ts";

const EMPTY = judge({ chats: [], counts: new Map(), losses: [], troubles: [] });
const GOOD: Verdict = { ...EMPTY, totals: { ...EMPTY.totals, turns: 12 } };
const LOST: Verdict = {
  ...GOOD,
  totals: { ...GOOD.totals, turns: 12, lost: 1 },
  findings: [{ kind: "lost", chat: "c3", chatId: "chat_9", mark: "c3-t1-1", text: "it never ran" }],
  holds: false,
};

function rows(...results: readonly FaultRow["result"][]): FaultRow[] {
  return results.map((result) => ({ name: "kill-api", text: "SIGKILL", hit: "", result }));
}

describe("chaos has passed", () => {
  test("where the chats moved after each fault and nothing was found", () => {
    expect(passed({ rows: rows({ kind: "moved", afterMs: 300 }, { kind: "interrupted" }), verdict: GOOD }, true)).toBe(
      true,
    );
  });

  test("with faults that are not possible here, unless it is strict", () => {
    const made = rows({ kind: "not possible", why: "no namespaces" }, { kind: "moved", afterMs: 300 });
    const outcome = { rows: made, verdict: GOOD };
    expect([passed(outcome, false), passed(outcome, true)]).toEqual([true, false]);
  });

  test("never where no fault was made, or nobody asked for anything", () => {
    expect(passed({ rows: [], verdict: GOOD }, false)).toBe(false);
    expect(passed({ rows: rows({ kind: "not possible", why: "not yours" }), verdict: GOOD }, false)).toBe(false);
    const calm = rows({ kind: "moved", afterMs: 300 }).map((row) => ({ ...row, calm: true as const }));
    expect(passed({ rows: calm, verdict: GOOD }, false)).toBe(false);
    expect(passed({ rows: rows({ kind: "moved", afterMs: 300 }), verdict: EMPTY }, false)).toBe(false);
  });

  test("never where something was found, chats stood still, or a process broke", () => {
    expect(passed({ rows: rows({ kind: "moved", afterMs: 300 }), verdict: LOST }, false)).toBe(false);
    expect(passed({ rows: rows({ kind: "still", waiting: ["c1"] }), verdict: GOOD }, false)).toBe(false);
    expect(passed({ rows: rows({ kind: "broke", why: "it did not end" }), verdict: GOOD }, false)).toBe(false);
  });
});

test("the totals stand under their names, and each finding says which chat and call it is of", () => {
  const [names = "", counts = "", finding = ""] = verdictLines(LOST);
  const under = (name: string) =>
    counts
      .slice(0, names.indexOf(name) + name.length)
      .split(/\s+/)
      .at(-1);
  expect([under("turns"), under("lost"), under("doubled")]).toEqual(["12", "1", "0"]);
  expect(finding.trim()).toBe("lost: c3 c3-t1-1 chat_9: it never ran");
});
