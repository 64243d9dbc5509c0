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
  /**
   * From the turn's message until the model's answer that asks for it was begun, and until its result stood in the chat:
   * milliseconds, by the clock of the store. Undefined: the store did not say.
   */
  readonly askedAfterMs: number | undefined;
  readonly endedAfterMs: number | undefined;
}

/** One message of the user, and what came of it. Moments are milliseconds of the wall clock. */
export interface TurnFact {
  readonly mark: string;
  readonly kind: TurnKind;
  readonly sentAtMs: number;
  /** When the API had taken the message; undefined: it did not. */
  readonly acceptedAtMs?: number;
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

/** The same, with the moment of the wall clock at which it was seen. */
export interface SeenStreamFault extends StreamFault {
  readonly atMs: number;
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
  readonly streamFaults: readonly SeenStreamFault[];
  /** Why it did not come to rest; undefined where it did. */
  readonly stuck?: string;
}

/** A fault, between these moments of the wall clock: from its beginning until the chats had moved after it. */
export interface Trouble {
  readonly fault: string;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Whose calls may fail in it. */
  readonly costs: "none" | "all" | { readonly daemon: string };
}

/** A daemon's process was killed by SIGKILL, between these moments of the wall clock. */
export interface DaemonLoss {
  readonly daemon: string;
  readonly fromMs: number;
  readonly untilMs: number;
}
