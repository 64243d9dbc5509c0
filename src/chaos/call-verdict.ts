import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import type { CallFact, DaemonLoss, Trouble, TurnFact } from "./facts.ts";
import { isFeltIn, overlap, type Span } from "./moment.ts";
import { callMark, plannedCalls } from "./turn-plan.ts";

/** One call beside what the tool counted. */
export interface CallEvidence {
  readonly call: CallFact;
  /** The turn that it belongs to; undefined for a call that the script did not ask for. */
  readonly turn: TurnFact | undefined;
  /** From when the model began to ask for it until its result stood in the chat. */
  readonly span: Span;
  /** When its tool started, seconds since the epoch. */
  readonly starts: readonly number[];
  /** Of its own daemon. */
  readonly losses: readonly DaemonLoss[];
  /** The faults in which its daemon's calls may fail. */
  readonly excuses: readonly Trouble[];
}

type Say<F> = (kind: "lost" | "doubled" | "unknown" | "failed call", text: string) => F;

/** What is wrong with one call: it ran twice, its outcome says what did not happen, or nobody could tell without need. */
export function judgeCall<F>(evidence: CallEvidence, say: Say<F>): F[] {
  const { call, turn, span, starts, excuses } = evidence;
  const findings: F[] = [];
  const hasNoExcuse = !excuses.some((trouble) => isFeltIn(trouble, span));
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
      } else if (hasNoExcuse) findings.push(say("failed call", `no fault may cost it: ${firstLine(call.told)}`));
      break;
    case "denied":
      findings.push(
        starts.length > 0 ? say("doubled", "it was denied, and it ran") : say("failed call", "nothing denies it"),
      );
      break;
    case "unknown":
      if (!mayBeUnknown(evidence)) findings.push(say("unknown", "its daemon was not killed while it ran"));
      break;
    case "cancelled":
    case "timed_out":
      if (hasNoExcuse) findings.push(say("failed call", `it ${call.end}, and no fault may cost it`));
      break;
  }
  return findings;
}

/** Of what the model was told, as much as a line of a table holds. */
export function firstLine(told: string): string {
  return told.split("\n", 1)[0]?.slice(0, TRIAL_LIMITS.chaosReasonCharacters) ?? "";
}

/**
 * True where the daemon was killed while this call may have run: after the model began to ask for it and before its result
 * stood in the chat; and, where the tool came to count, between its start and its planned end.
 */
function mayBeUnknown({ call, turn, span, starts, losses }: CallEvidence): boolean {
  const ran = runSpan(call, turn, starts);
  return losses.some((loss) => overlap(loss, span) && overlap(loss, ran));
}

/** When the tool ran by its own count: in whole seconds, and until its result stood in the journal. At any time, where it never counted. */
function runSpan(call: CallFact, turn: TurnFact | undefined, [start]: readonly number[]): Span {
  if (start === undefined) return { fromMs: 0, untilMs: Number.POSITIVE_INFINITY };
  const planned = plannedCalls(turn?.kind ?? "quick").find(
    ({ number }) => turn !== undefined && callMark(turn.mark, number) === call.mark,
  );
  return {
    fromMs: start * 1000 - TRIAL_LIMITS.chaosCountSlackMs,
    untilMs: (start + (planned?.seconds ?? 0)) * 1000 + TRIAL_LIMITS.chaosRunSlackMs,
  };
}
