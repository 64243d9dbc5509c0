import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import type { CallFact, ChatFact, Trouble, TurnFact } from "./facts.ts";

/** Between two moments, milliseconds; `untilMs` is infinite for what had no end. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** By the wall clock: from when the turn was sent until its end was told. All time where it is no turn's. */
export function turnSpan(turn: TurnFact | undefined): Span {
  return { fromMs: turn?.sentAtMs ?? 0, untilMs: turn?.end?.atMs ?? Number.POSITIVE_INFINITY };
}

export function turnOf(call: CallFact, chat: ChatFact): TurnFact | undefined {
  return chat.turns.find(({ mark }) => call.mark?.startsWith(`${mark}-`));
}

/**
 * By the wall clock: from when the model began to ask for it until its result stood in the chat. The store tells how far
 * that is from the turn's message, which it wrote after it was sent and before it said so: it is no shorter than in truth.
 */
export function callSpan(call: CallFact, turn: TurnFact | undefined): Span {
  const { fromMs, untilMs } = turnSpan(turn);
  const acceptedAtMs = turn?.acceptedAtMs ?? Number.POSITIVE_INFINITY;
  return {
    fromMs: fromMs + (call.askedAfterMs ?? 0),
    untilMs: Math.min(untilMs, acceptedAtMs + (call.endedAfterMs ?? Number.POSITIVE_INFINITY)),
  };
}

export function overlap(a: Span, b: Span): boolean {
  return a.fromMs <= b.untilMs && a.untilMs >= b.fromMs;
}

/** The faults that were under way in that time; where none was, those that may still have been felt. */
export function troublesOf(troubles: readonly Trouble[], span: Span): readonly Trouble[] {
  const underWay = troubles.filter((trouble) => overlap(trouble, span));
  return underWay.length > 0 ? underWay : troubles.filter((trouble) => isFeltIn(trouble, span));
}

/** True where the fault may have been felt in that time: while it lasted, and for a while after it. */
export function isFeltIn(trouble: Trouble, span: Span): boolean {
  return overlap({ ...trouble, untilMs: trouble.untilMs + TRIAL_LIMITS.chaosAftermathMs }, span);
}

/** True where calls of that daemon may fail in the fault. */
export function mayCost({ costs }: Trouble, daemon: string): boolean {
  return typeof costs === "string" ? costs === "all" : costs.daemon === daemon;
}

/** For people: `12.0–14.5 s` since the beginning. */
export function spanText({ fromMs, untilMs }: { readonly fromMs: number; readonly untilMs?: number }): string {
  const seconds = (ms: number | undefined) => (ms === undefined ? "" : (ms / 1000).toFixed(1));
  return `${seconds(fromMs)}–${seconds(untilMs)} s`;
}
