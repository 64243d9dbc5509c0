import type { FaultCounts } from "./fault-counts.ts";
import { spanText } from "./moment.ts";
import type { Verdict } from "./verdict.ts";

/** What came of one fault. */
export interface FaultRow {
  readonly name: string;
  readonly text: string;
  /** Which of several was hit, or in which direction; empty where there is one. */
  readonly hit: string;
  /** True for what is no fault: the chats are waited for. */
  readonly calm?: true;
  /** Since the beginning of the run, milliseconds: from when it was made until the chats had moved. Undefined: it was not made. */
  readonly fromMs?: number;
  readonly untilMs?: number;
  /** Known when all is judged. */
  readonly counts?: FaultCounts;
  readonly result:
    | { readonly kind: "moved"; readonly afterMs: number }
    /** Within the bound not all chats moved: who waits, for people. */
    | { readonly kind: "still"; readonly waiting: readonly string[] }
    | { readonly kind: "not possible"; readonly why: string }
    /** Something did not end or did not come back, or ended by itself. */
    | { readonly kind: "broke"; readonly why: string }
    | { readonly kind: "interrupted" };
}

const NAME_WIDTH = 26;
const TEXT_WIDTH = 64;
const TIME_WIDTH = 15;

export function headLine(): string {
  return `${"fault".padEnd(NAME_WIDTH)}  ${"what was done".padEnd(TEXT_WIDTH)}  ${"when".padEnd(TIME_WIDTH)}  chats moved again`;
}

export function rowLine(row: FaultRow): string {
  const what = row.hit === "" ? row.text : `${row.text} (${row.hit})`;
  const time = row.fromMs === undefined ? "" : spanText({ ...row, fromMs: row.fromMs });
  return `${row.name.padEnd(NAME_WIDTH)}  ${what.padEnd(TEXT_WIDTH)}  ${time.padEnd(TIME_WIDTH)}  ${resultText(row)}`;
}

function resultText({ result }: FaultRow): string {
  switch (result.kind) {
    case "moved":
      return `after ${(result.afterMs / 1000).toFixed(1)} s`;
    case "still":
      return `NOT in time: ${result.waiting.join("; ")}`;
    case "not possible":
      return `not possible here: ${result.why}`;
    case "broke":
      return `BROKE: ${result.why}`;
    case "interrupted":
      return "(ended by you)";
  }
}

/** The faults in whose turns something did not go through, each with its counts and the reasons. */
export function countLines(rows: readonly FaultRow[]): string[] {
  return rows.flatMap(({ name, fromMs, untilMs, counts }) => {
    if (fromMs === undefined || counts === undefined) return [];
    const { turns, failedCalls, unknown, findings, reasons } = counts;
    if (failedCalls + unknown + findings === 0) return [];
    const time = spanText(untilMs === undefined ? { fromMs } : { fromMs, untilMs });
    return [
      `${name} (${time}), in ${turns} turns: ${failedCalls} calls told failed, ${unknown} unknown, ${findings} findings`,
      ...reasons.map(({ text, calls }) => `  ${calls} × ${text}`),
    ];
  });
}

/** The totals, and each finding with what is known of it. */
export function verdictLines(verdict: Verdict): string[] {
  const { totals } = verdict;
  const columns = [
    ["chats", totals.chats],
    ["turns", totals.turns],
    ["calls", totals.calls],
    ["lost", totals.lost],
    ["doubled", totals.doubled],
    ["stuck", totals.stuck],
    ["unknown", totals.unknown],
    ["holes", totals.holes],
    ["failed turns", totals.failedTurns],
    ["calls told failed", totals.failedCalls],
  ] as const;
  const widths = columns.map(([name, count]) => Math.max(name.length, String(count).length));
  const line = (cells: readonly string[]) => cells.map((cell, index) => cell.padStart(widths[index] ?? 0)).join("  ");
  return [
    line(columns.map(([name]) => name)),
    line(columns.map(([, count]) => String(count))),
    ...verdict.findings.map(
      ({ kind, chat, chatId, mark, text, during, ...span }) =>
        `  ${kind}: ${[chat, mark, chatId].filter((part) => part !== "").join(" ")}, at ${spanText(span)} (${during.join(", ") || "no fault"}): ${text}`,
    ),
  ];
}
