import { unreachable } from "../core/errors.ts";
import type { ToolCallOutcome, ToolCallState } from "./tool-call.ts";

/**
 * The ledger's transitions: what an event does to a tool call, as one pure table (design §3 "One tool call").
 * The store applies the answer by compare-and-set on the state, and the journal id, that were looked at.
 */
export interface LedgerState {
  readonly state: ToolCallState;
  readonly journalId: string | undefined;
}

/** How a daemon says that a call ended. */
export type Ending = "finished" | "finished_with_error" | "cancelled" | "not_started" | "timed_out" | "gone" | "denied";

export type LedgerEvent =
  /** The router is about to send it to a daemon. */
  | { readonly kind: "dispatch" }
  /** A worker is about to run a tool that needs no daemon. */
  | { readonly kind: "start_here"; readonly journalId: string }
  /** A daemon has journalled the offer and asks for the grant. */
  | { readonly kind: "ready"; readonly journalId: string }
  | { readonly kind: "result"; readonly journalId: string; readonly ending: Ending }
  /** Somebody ends a call that is not running yet. */
  | { readonly kind: "end_before_running"; readonly outcome: "cancelled" | "timed_out" | "failed" | "denied" }
  /** The daemon is out of reach beyond the deadline. */
  | { readonly kind: "unreachable" };

/** What to tell the daemon once the ledger stands. */
export type Answer = "none" | "grant" | "withdraw" | "ack";

export interface Transition {
  /** The new state; undefined where the ledger stays as it is. */
  readonly next: LedgerState | undefined;
  readonly answer: Answer;
  /** True where a result came too late to change anything: it is kept as evidence. */
  readonly evidence: boolean;
}

const STAY: Transition = { next: undefined, answer: "none", evidence: false };

export function transition(current: LedgerState, event: LedgerEvent): Transition {
  switch (event.kind) {
    case "dispatch":
      return current.state === "requested" ? to("dispatched", undefined, "none") : STAY;
    case "start_here":
      return current.state === "requested" ? to("running", event.journalId, "none") : STAY;
    case "ready":
      return onReady(current, event.journalId);
    case "result":
      return onResult(current, event.journalId, event.ending);
    case "end_before_running":
      return current.state === "requested" || current.state === "dispatched"
        ? to(event.outcome, undefined, "none")
        : STAY;
    case "unreachable":
      return current.state === "running" ? to("unknown", current.journalId, "none") : STAY;
    default:
      return unreachable(event);
  }
}

function onReady(current: LedgerState, journalId: string): Transition {
  switch (current.state) {
    case "dispatched":
      return to("running", journalId, "grant");
    case "running":
      // The same journal: a gateway died between its compare-and-set and the grant. Another one: who knows what the first did.
      return current.journalId === journalId
        ? { next: undefined, answer: "grant", evidence: false }
        : to("unknown", current.journalId, "withdraw");
    default:
      return { next: undefined, answer: "withdraw", evidence: false };
  }
}

function onResult(current: LedgerState, journalId: string, ending: Ending): Transition {
  switch (current.state) {
    case "running":
      return current.journalId === journalId
        ? to(outcomeOf(ending), journalId, "ack")
        : to("unknown", current.journalId, "ack");
    case "dispatched":
      // Only what says that nothing ran may end a call that was never granted.
      return endsUnstarted(ending) ? to(outcomeOf(ending), journalId, "ack") : STAY;
    case "requested":
      return STAY;
    default:
      return { next: undefined, answer: "ack", evidence: true };
  }
}

/** True for the endings that say that nothing ran. */
export function endsUnstarted(ending: Ending): boolean {
  return ending === "not_started" || ending === "denied";
}

export function outcomeOf(ending: Ending): ToolCallOutcome {
  switch (ending) {
    case "finished":
      return "succeeded";
    case "finished_with_error":
      return "failed";
    case "cancelled":
    case "not_started":
      return "cancelled";
    case "timed_out":
      return "timed_out";
    case "gone":
      return "unknown";
    case "denied":
      return "denied";
    default:
      return unreachable(ending);
  }
}

function to(state: ToolCallState, journalId: string | undefined, answer: Answer): Transition {
  return { next: { state, journalId }, answer, evidence: false };
}
