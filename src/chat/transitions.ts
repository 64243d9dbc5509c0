import { unreachable } from "../core/errors.ts";
import type { ToolCallOutcome, ToolCallState } from "./tool-call.ts";

/**
 * The ledger's transitions: what an event does to a tool call, as one pure table (design §3 "One tool call").
 * The store applies the answer by compare-and-set on the state, and the journal id, that were looked at.
 */
export interface LedgerState {
  readonly state: ToolCallState;
  readonly journalId: string | undefined;
  /** The daemon's process that was granted the call; none where a worker runs it, or an older release granted it. */
  readonly instanceId?: string | undefined;
}

/** How a daemon says that a call ended. */
export type Ending = "finished" | "finished_with_error" | "cancelled" | "not_started" | "timed_out" | "gone" | "denied";

export type LedgerEvent =
  /** The router is about to send it to a daemon. */
  | { readonly kind: "dispatch" }
  /** A worker is about to run a tool that needs no daemon. */
  | { readonly kind: "start_here"; readonly journalId: string }
  /** A daemon has journalled the offer and asks for the grant. */
  | { readonly kind: "ready"; readonly journalId: string; readonly instanceId?: string | undefined }
  | {
      readonly kind: "result";
      readonly journalId: string;
      readonly instanceId?: string | undefined;
      readonly ending: Ending;
    }
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
      return onReady(current, event);
    case "result":
      return onResult(current, event);
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

function onReady(current: LedgerState, event: Extract<LedgerEvent, { kind: "ready" }>): Transition {
  const { journalId, instanceId } = event;
  switch (current.state) {
    case "dispatched":
      return to("running", journalId, "grant", instanceId);
    case "running":
      // The same process: a gateway died between its compare-and-set and the grant. Another journal: who knows what the first
      // did. Another process of the same journal: that may have been put back to what it was before the start.
      return current.journalId === journalId && isGranted(current, instanceId)
        ? { next: undefined, answer: "grant", evidence: false }
        : to("unknown", current.journalId, "withdraw");
    default:
      return { next: undefined, answer: "withdraw", evidence: false };
  }
}

function onResult(current: LedgerState, event: Extract<LedgerEvent, { kind: "result" }>): Transition {
  const { journalId, instanceId, ending } = event;
  switch (current.state) {
    case "running":
      // That nothing ran only the process can say that was granted the start.
      return current.journalId === journalId && (!endsUnstarted(ending) || isGranted(current, instanceId))
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

/** True for the process that was granted the call, as far as that is known. */
function isGranted(current: LedgerState, instanceId: string | undefined): boolean {
  return current.instanceId === undefined || current.instanceId === instanceId;
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

function to(
  state: ToolCallState,
  journalId: string | undefined,
  answer: Answer,
  instanceId?: string | undefined,
): Transition {
  const granted = instanceId === undefined ? {} : { instanceId };
  return { next: { state, journalId, ...granted }, answer, evidence: false };
}
