import type { LedgerEvent } from "../../src/chat/transitions.ts";

/**
 * What the fixed runs of the test must come across: an invariant that holds where its case never came says nothing. The
 * ledger's rows are branches of chat/transitions.ts, as `event: state that it met`; moves are what the commits did.
 */
export const MUST_BE_REACHED = [
  "move: requested → dispatched",
  "move: requested → running",
  "move: requested → cancelled",
  "move: requested → failed",
  "move: dispatched → running",
  "move: dispatched → cancelled",
  "move: dispatched → failed",
  "move: dispatched → denied",
  "move: running → succeeded",
  "move: running → failed",
  "move: running → timed_out",
  "move: running → unknown",
  "ledger: dispatch: requested",
  "ledger: start_here: requested",
  "ledger: start_here: running",
  "ledger: ready: dispatched",
  "ledger: ready: running, same journal",
  "ledger: ready: ended",
  "ledger: finished: running, same journal",
  "ledger: finished: ended",
  "ledger: finished_with_error: running, same journal",
  "ledger: timed_out: running, same journal",
  "ledger: denied: dispatched",
  "ledger: cancelled before it runs: running",
  "ledger: cancelled before it runs: ended",
  "ledger: failed before it runs: requested",
  "ledger: failed before it runs: dispatched",
  "ledger: unreachable: running",
  "unknown: its process was lost",
  "unknown: its journal is another one",
  "unknown: out of reach beyond its deadline",
  "hello: taken",
  "hello: epoch",
  "mark: of an epoch that is in force",
  "mark: of an older epoch",
  "daemon: a grant in time",
  "daemon: a withdraw",
  "daemon: an offer of what it has",
  "batch: of several daemons",
] as const;

/** What only more runs come across for sure; `simulate` prints how often, also where that is never. */
export const SELDOM_REACHED = [
  "move: running → cancelled",
  "move: dispatched → timed_out",
  "ledger: dispatch: dispatched",
  "ledger: dispatch: ended",
  "ledger: start_here: ended",
  "ledger: finished_with_error: ended",
  "ledger: cancelled: running, same journal",
  "ledger: cancelled: ended",
  "ledger: not_started: dispatched",
  "ledger: not_started: running, same journal",
  "ledger: not_started: ended",
  "ledger: gone: running, same journal",
  "ledger: gone: ended",
  "ledger: a ready of an older epoch is fenced",
  "ledger: a result of an older epoch is fenced",
  "hello: journal",
  "hello: replaced",
  "hello: ends what runs under another journal",
  "unknown: the process that it was granted to is gone",
  "daemon: a grant that is too old",
  "daemon: a cancel of what runs",
  "daemon: a cancel before its offer (tombstone)",
  "stream: the end of an answer that was cut off is withdrawn",
] as const;

/** Counts what a run came across. */
export class Reach {
  readonly counts = new Map<string, number>();

  note(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

/** The branch of the transition table that an event takes. */
export function branchOf(
  { state, journalId }: { readonly state: string; readonly journalId: string | undefined },
  event: LedgerEvent,
): string {
  const isOpen = state === "requested" || state === "dispatched" || state === "running";
  const met = isOpen ? state : "ended";
  switch (event.kind) {
    case "end_before_running":
      return `ledger: ${event.outcome} before it runs: ${met}`;
    case "ready":
    case "result": {
      const what = event.kind === "ready" ? "ready" : event.ending;
      const whose = journalId === event.journalId ? "same journal" : "another journal";
      return `ledger: ${what}: ${met}${state === "running" ? `, ${whose}` : ""}`;
    }
    case "dispatch":
    case "start_here":
    case "unreachable":
      return `ledger: ${event.kind}: ${met}`;
  }
}
