import type { Random } from "./seeded-random.ts";

/** One tool call that a turn asks for. Its number counts through the turn, from 1. */
export interface PlannedCall {
  readonly number: number;
  /** Seconds that the tool goes on for after it was counted. */
  readonly seconds: number;
  /** Lines that it prints. */
  readonly lines: number;
}

/** The calls of one turn: those of one inner list stand in one message of the model, and run at the same time. */
export type Rounds = readonly (readonly PlannedCall[])[];

/** Lines of a call with output: some 90 KB, more than the model is given and enough for several frames. */
const MANY_LINES = 15_000;

/** What a turn may be: the script has a conversation for each. */
export const TURN_KINDS = {
  quick: [[call(1)]],
  slow: [[call(1, { seconds: 4 })]],
  parallel: [[call(1), call(2), call(3, { seconds: 2 }), call(4)]],
  output: [[call(1, { lines: MANY_LINES })]],
  chain: [[call(1)], [call(2, { seconds: 1 })], [call(3)]],
} as const satisfies Readonly<Record<string, Rounds>>;

export type TurnKind = keyof typeof TURN_KINDS;

const KINDS: readonly TurnKind[] = ["quick", "slow", "parallel", "output", "chain"];

export function pickKind(random: Random): TurnKind {
  return KINDS[Math.floor(random() * KINDS.length)] ?? "quick";
}

export function plannedCalls(kind: TurnKind): readonly PlannedCall[] {
  return TURN_KINDS[kind].flat();
}

/** The file, in the project's folder on the daemon's machine, that each tool appends a line to as it starts. */
export const COUNTER_FILE = "chaos-counter";

/** What the chat is told, so that the script plays a turn of this kind under this mark. */
export function turnPrompt(kind: TurnKind, mark: string): string {
  return `chaos ${kind} mark=${mark}`;
}

/** The mark of one turn of one chat: in the prompt, in each call's line, in the answer. */
export function turnMark(chat: number, turn: number): string {
  return `c${chat}-t${turn}`;
}

export function callMark(mark: string, number: number): string {
  return `${mark}-${number}`;
}

/** The last words of a turn that went through. */
export function answerOf(mark: string): string {
  return `Done ${mark}.`;
}

/** What a call prints last: a result without it is cut off, or another call's. */
export function lastWords(mark: string): string {
  return `ended ${mark}.`;
}

/** The call's mark in the command of a tool call, as {@link chaosScript} writes it; undefined in any other text. */
export function markInInput(inputJson: string): string | undefined {
  return /echo \\?"(c\d+-t\d+-\d+) /.exec(inputJson)?.[1];
}

function call(number: number, more: { readonly seconds?: number; readonly lines?: number } = {}): PlannedCall {
  return { number, seconds: more.seconds ?? 0, lines: more.lines ?? 0 };
}
