import { firstLine } from "./call-verdict.ts";
import type { ChatFact, Trouble } from "./facts.ts";
import { callSpan, overlap, type Span, troublesOf, turnOf, turnSpan } from "./moment.ts";

/** What happened in one fault. What two faults touch counts in both. */
export interface FaultCounts {
  readonly turns: number;
  readonly failedCalls: number;
  readonly unknown: number;
  readonly findings: number;
  /** What the models of the failed calls were told: the first line, and how often. */
  readonly reasons: readonly { readonly text: string; readonly calls: number }[];
}

/** In the order of the faults. `findings`: by the wall clock. */
export function countsByFault(
  troubles: readonly Trouble[],
  chats: readonly ChatFact[],
  findings: readonly Span[],
): FaultCounts[] {
  const turns = chats.flatMap((chat) => chat.turns.map(turnSpan));
  const notWell = chats.flatMap((chat) =>
    chat.calls
      .filter(({ end }) => end !== "succeeded")
      .map((call) => ({ ...call, during: troublesOf(troubles, callSpan(call, turnOf(call, chat))) })),
  );
  const found = findings.map((span) => troublesOf(troubles, span));
  return troubles.map((trouble) => {
    const calls = notWell.filter(({ during }) => during.includes(trouble));
    const failed = calls.filter(({ end }) => end === "failed" || end === "cancelled" || end === "timed_out");
    const reasons = Map.groupBy(failed, ({ end, told }) => firstLine(told) || end);
    return {
      turns: turns.filter((span) => overlap(trouble, span)).length,
      failedCalls: failed.length,
      unknown: calls.filter(({ end }) => end === "unknown").length,
      findings: found.filter((during) => during.includes(trouble)).length,
      reasons: [...reasons].map(([text, { length }]) => ({ text, calls: length })),
    };
  });
}
