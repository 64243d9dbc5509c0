import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import type { CallFact, DaemonLoss, Trouble, TurnFact } from "./facts.ts";
import { callMark, plannedCalls } from "./turn-plan.ts";

/** One call beside what the tool counted. */
export interface CallEvidence {
  readonly call: CallFact;
  /** The turn that it belongs to; undefined for a call that the script did not ask for. */
  readonly turn: TurnFact | undefined;
  /** When its tool started, seconds since the epoch. */
  readonly starts: readonly number[];
  /** Of its own daemon. */
  readonly losses: readonly DaemonLoss[];
  readonly troubles: readonly Trouble[];
}

type Say<F> = (kind: "lost" | "doubled" | "unknown" | "failed call", text: string) => F;

/** What is wrong with one call: it ran twice, its outcome says what did not happen, or nobody could tell without need. */
export function judgeCall<F>(evidence: CallEvidence, say: Say<F>): F[] {
  const { call, turn, starts } = evidence;
  const findings: F[] = [];
  if (starts.length > 1) findings.push(say("doubled", `its tool started ${starts.length} times`));
  if (call.results > 1) findings.push(say("doubled", `${call.results} results stand in the chat`));
  switch (call.end) {
    case "open":
      if (turn?.end !== undefined) findings.push(say("lost", "its turn ended, and it has no outcome"));
      break;
    case "succeeded":
      if (starts.length === 0) findings.push(say("lost", "its outcome says that it succeeded, and it never ran"));
      else if (!call.isWhole) findings.push(say("lost", "it succeeded, and its result is cut off or another call's"));
      break;
    case "failed":
      if (starts.length > 0 && !call.hasExitCode) {
        findings.push(say("lost", "it ran, and its outcome says that it could not be run"));
      } else if (!hadTrouble(evidence)) findings.push(say("failed call", "nothing was wrong with the stack"));
      break;
    case "denied":
      findings.push(
        starts.length > 0 ? say("doubled", "it was denied, and it ran") : say("failed call", "nothing denies it"),
      );
      break;
    case "unknown":
      if (!mayBeUnknown(evidence)) {
        findings.push(say("unknown", "its daemon was not killed while it ran, and its journal was not lost"));
      }
      break;
    case "cancelled":
    case "timed_out":
      if (!hadTrouble(evidence))
        findings.push(say("failed call", `it ${call.end}, and nothing was wrong with the stack`));
      break;
  }
  return findings;
}

/** True where a fault was felt while the turn ran: only then may a call fail. */
function hadTrouble({ turn, troubles }: CallEvidence): boolean {
  const fromMs = turn?.sentAtMs ?? 0;
  const untilMs = turn?.end?.atMs ?? Number.POSITIVE_INFINITY;
  return troubles.some(
    (trouble) => trouble.fromMs <= untilMs && trouble.untilMs + TRIAL_LIMITS.chaosAftermathMs >= fromMs,
  );
}

/**
 * True where the daemon was killed while this call may have run: between the start that the tool counted and its end, or,
 * where it was killed before the tool came to count, within the turn.
 */
function mayBeUnknown({ call, turn, starts, losses }: CallEvidence): boolean {
  const [start] = starts;
  if (start === undefined) {
    const fromMs = turn?.sentAtMs ?? Number.POSITIVE_INFINITY;
    const untilMs = turn?.end?.atMs ?? Number.POSITIVE_INFINITY;
    return losses.some(({ atMs }) => atMs >= fromMs && atMs <= untilMs);
  }
  const planned = plannedCalls(turn?.kind ?? "quick").find(
    ({ number }) => turn !== undefined && callMark(turn.mark, number) === call.mark,
  );
  // The count is in whole seconds; a call also runs until its result stands in the journal.
  const fromMs = start * 1000 - TRIAL_LIMITS.chaosCountSlackMs;
  const untilMs = (start + (planned?.seconds ?? 0)) * 1000 + TRIAL_LIMITS.chaosRunSlackMs;
  return losses.some(({ atMs }) => atMs >= fromMs && atMs <= untilMs);
}
