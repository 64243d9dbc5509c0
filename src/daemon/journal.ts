import type { ToolResult } from "../chat/message.ts";

/** One tool call as the gateway offers it. */
export interface Invocation {
  readonly toolName: string;
  /** A JSON object as text. */
  readonly inputJson: string;
  /** Folders of the chat's project on this machine. */
  readonly roots: readonly string[];
  /** Time of the tool itself, milliseconds. */
  readonly timeoutMs: number;
  readonly chatId: string;
}

/** How a call ended, as the daemon tells it. `not_started` and `denied`: nothing ran. `gone`: started, and the process is gone. */
export type CallEnding = "finished" | "cancelled" | "not_started" | "timed_out" | "gone" | "denied";

/**
 * What the journal knows of one call. A tombstone (a cancel that came before its offer) is a `result` with the ending
 * `not_started`. Of a result that was acked only the ending is kept: the ledger has the rest.
 */
export type JournalEntry =
  | { readonly state: "offered"; readonly toolCallId: string; readonly invocation: Invocation }
  | { readonly state: "started"; readonly toolCallId: string }
  | {
      readonly state: "result";
      readonly toolCallId: string;
      readonly ending: CallEnding;
      readonly result: ToolResult | undefined;
    }
  | { readonly state: "acked"; readonly toolCallId: string; readonly ending: CallEnding };

/** A call that is not acked yet, without what is large. */
export interface OpenEntry {
  readonly toolCallId: string;
  readonly state: "offered" | "started" | "result";
}

/**
 * What this machine knows of tool calls, on its disk: the reason why no call runs twice (design §3 "One tool call").
 * Writes are synchronous: they outlive the process when they return. A power failure they outlive when a later `start`,
 * `forget`, `takeNewId` or `flush` has returned. Every write throws
 * `resource_exhausted` where the disk is full and `unavailable` where it fails otherwise; then nothing has changed.
 */
export interface Journal {
  /** Told in `hello` and in every `ready` and `result`. */
  readonly id: string;
  /** How often a process opened this journal, this time included; from 1. */
  readonly startCount: number;
  find(toolCallId: string): JournalEntry | undefined;
  /** Everything that is not acked, in the order in which it came. */
  open(): readonly OpenEntry[];
  /** none → offered. May reach the disk as late as the start: an offer that is lost was not started, and comes again. */
  offer(toolCallId: string, invocation: Invocation): void;
  /** offered → none: a withdraw. */
  forget(toolCallId: string): void;
  /** offered → started. On the disk when it returns. */
  start(toolCallId: string): void;
  /**
   * none (a tombstone), offered or started → result. May reach the disk later: of a call that a power failure puts back to
   * `started` the daemon says that it does not know how it ended.
   */
  finish(toolCallId: string, ending: CallEnding, result: ToolResult | undefined): void;
  /** result → acked. May reach the disk later: an ack that is lost has the result told once more. */
  ack(toolCallId: string, ack: Ack): void;
  /** Everything that was written is on the disk when it returns. */
  flush(): void;
  /** Removes what {@link mayForget} allows. */
  forgetOld(nowMs: number, connection: string | undefined): void;
  /** This journal is a restored backup: whoever knows its old id must not take it for the one that it was. */
  takeNewId(): void;
  close(): void;
}

/** When an ack came, by the wall clock, and on which connection; no two connections of a journal have one name. */
export interface Ack {
  readonly atMs: number;
  readonly connection: string;
}

/**
 * True where an acked entry is needed no more: old, and the connection that acked it has ended. Before that a late offer
 * of the same call could still be on its way, and would run again.
 */
export function mayForget(ack: Ack, now: { atMs: number; connection: string | undefined; keepMs: number }): boolean {
  return ack.connection !== now.connection && ack.atMs < now.atMs - now.keepMs;
}

/** What a crash makes of an entry: a call that had started and whose process is gone is told as such, never started again. */
export function stateAfterCrash(state: JournalEntry["state"]): JournalEntry["state"] {
  return state === "started" ? "result" : state;
}

/** The result of a call that is told by its ending alone. */
export function resultText(text: string): ToolResult {
  return { text, isError: true };
}
