import type { TurnKind } from "./turn-plan.ts";

/** How a tool call ended, as the chat has it. `open`: no result stands in the chat. */
export type CallEnd = "succeeded" | "failed" | "denied" | "cancelled" | "timed_out" | "unknown" | "open";

/** One tool call that the model asked for, as the chat has it. */
export interface CallFact {
  readonly toolCallId: string;
  /** Undefined where it is no call of the script's. */
  readonly mark: string | undefined;
  readonly end: CallEnd;
  /** True where the result has an exit code: the tool ran. */
  readonly hasExitCode: boolean;
  /** True where the result's text has the words with which this call's command ends. */
  readonly isWhole: boolean;
  /** The beginning of what the model was told. */
  readonly told: string;
  /** Results that stand in the chat for it. */
  readonly results: number;
}

/** One message of the user, and what came of it. Moments are milliseconds of the wall clock. */
export interface TurnFact {
  readonly mark: string;
  readonly kind: TurnKind;
  readonly sentAtMs: number;
  /** True when the API took the message. */
  readonly accepted: boolean;
  /** The end of its run as the stream told it. */
  readonly end?: {
    readonly atMs: number;
    readonly state: "succeeded" | "failed" | "cancelled";
    readonly error: string;
  };
  /** True where the chat has the answer with the turn's mark. */
  readonly answered: boolean;
}

/** Something that a stream showed and the store does not have, or the reverse. */
export interface StreamFault {
  readonly kind: "hole" | "double" | "different";
  readonly text: string;
}

/** All that is known of one chat when it is over. */
export interface ChatFact {
  /** For people: `c3`. */
  readonly name: string;
  readonly chatId: string;
  /** Name of its daemon. */
  readonly daemon: string;
  readonly turns: readonly TurnFact[];
  readonly calls: readonly CallFact[];
  readonly streamFaults: readonly StreamFault[];
  /** Why it did not come to rest; undefined where it did. */
  readonly stuck?: string;
}

/** Something was wrong with the stack between these moments of the wall clock: a fault, until the chats had moved after it. */
export interface Trouble {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A daemon's process was killed by SIGKILL, or its journal lost, between these moments of the wall clock. */
export interface DaemonLoss {
  readonly daemon: string;
  readonly atMs: number;
}
