import type { ToolResult } from "../chat/message.ts";
import type { ToolCall, ToolCallOutcome } from "../chat/tool-call.ts";
import type { Answer, Ending } from "../chat/transitions.ts";
import type { Daemon, DaemonFence } from "./daemons.ts";

/** What a gateway tells the daemon; `fenced`: the epoch has moved, close the connection and say nothing. */
export type DaemonAnswer =
  | { readonly kind: "fenced" }
  | { readonly kind: "answer"; readonly answer: Answer; readonly outcome?: ToolCallOutcome };

/** What the delivery of a call goes by, at one moment. */
export interface CallLook {
  readonly call: ToolCall;
  /** The daemon that the call stays with once it was dispatched; before, the one that was named. */
  readonly daemonId: string;
  /** Undefined: the user has no such daemon. */
  readonly daemon: Pick<Daemon, "id" | "epoch" | "connected" | "lastSeenAtMs"> | undefined;
  /** True where the run of the call is to be cancelled. */
  readonly cancelRequested: boolean;
}

/**
 * The ledger. Every change goes through `transition` of chat/transitions.ts, by compare-and-set on the state and
 * journal id that were looked at, and takes a number of the chat. Times are milliseconds.
 */
export interface ToolCalls {
  /** Throws `not_found`. */
  get(toolCallId: string): Promise<ToolCall>;
  find(toolCallId: string): Promise<ToolCall | undefined>;
  /** One statement: it stands at the beginning of every delivery. Throws `not_found` where the user has no such call. */
  look(at: { readonly toolCallId: string; readonly userId: string; readonly daemonId: string }): Promise<CallLook>;
  /** requested → dispatched, with the daemon and the times; otherwise the row as it stands. */
  dispatch(call: {
    readonly toolCallId: string;
    readonly daemonId: string;
    readonly timeoutMs: number;
    readonly deadlineAtMs: number;
  }): Promise<ToolCall>;
  /** Gives a dispatched call, which could not be carried to its daemon, more time; otherwise nothing. */
  postpone(call: { readonly toolCallId: string; readonly deadlineAtMs: number }): Promise<void>;
  /** requested → running in this process. `started` is false where somebody was first: then it is not to be run. */
  startHere(call: {
    readonly toolCallId: string;
    readonly journalId: string;
    readonly timeoutMs: number;
    readonly deadlineAtMs: number;
  }): Promise<{ readonly started: boolean; readonly toolCall: ToolCall }>;
  /** The result of a tool that ran in this process. */
  finishHere(call: {
    readonly toolCallId: string;
    readonly journalId: string;
    readonly ending: Ending;
    readonly result: ToolResult;
  }): Promise<ToolCall>;
  /**
   * A daemon asks for the grant, which goes to the process that holds the epoch, and to it again; to another process of the
   * same journal never. With the daemon's row locked and its epoch compared. A call that is not this daemon's: withdraw.
   */
  daemonReady(
    fence: DaemonFence,
    ready: { readonly toolCallId: string; readonly journalId: string },
  ): Promise<DaemonAnswer>;
  /** A daemon's result. The same fence. A call that is unknown or not this daemon's: ack, nothing is written. */
  daemonResult(
    fence: DaemonFence,
    result: {
      readonly toolCallId: string;
      readonly journalId: string;
      readonly ending: Ending;
      readonly result?: ToolResult;
    },
  ): Promise<DaemonAnswer>;
  /** Ends a call that is not running; otherwise the row as it stands. `reason` is what the model reads. */
  endBeforeRunning(call: {
    readonly toolCallId: string;
    readonly outcome: "cancelled" | "timed_out" | "failed" | "denied";
    readonly reason: string;
  }): Promise<ToolCall>;
  /** running → unknown. */
  markUnreachable(toolCallId: string, reason: string): Promise<ToolCall>;
  /** True where the run of the call is to be cancelled. */
  cancelRequested(toolCallId: string): Promise<boolean>;
  /** Calls of the daemon that are running or dispatched: for a gateway that shows them, and for tests. */
  openOfDaemon(daemonId: string): Promise<readonly ToolCall[]>;
}
