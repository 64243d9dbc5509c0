import type { LiveBlock } from "../chat/chat-update.ts";
import type { LoopView } from "../chat/loop-view.ts";
import type { Chat, ContentBlock, Failure, Message, Usage } from "../chat/message.ts";

/** The right to write an answer: an attempt is older as soon as the next one has begun. */
export interface AnswerFence {
  readonly messageId: string;
  readonly attempt: number;
}

export type BeginAnswer =
  /** The answer stands already, or the run has ended: nothing to do but go on by the view. */
  | { readonly kind: "settled"; readonly view: LoopView }
  | {
      readonly kind: "begun";
      readonly attempt: number;
      /** Attempts that count, with this one: those that a process broke off because it stopped do not (`LIMITS.modelStops`). */
      readonly asked: number;
      /** An attempt before was told to wait until then, and its writer is gone: ask no sooner. Unix milliseconds. */
      readonly notBeforeMs?: number;
      readonly chat: Chat;
      /** Folder of the chat's project, where it has one. */
      readonly projectPath?: string;
      /** Complete messages before the answer, in the order of their positions. */
      readonly messages: readonly Message[];
    };

/** A chat as the loop moves it. */
export interface Turns {
  /** What the loop decides by. Throws `not_found`. */
  view(chatId: string): Promise<LoopView>;
  /**
   * Takes the fence of the answer: makes its row (`open`) or raises its attempt, counts a model call of the run, notes
   * the attempt, and commits a numbered `attempt_started`. An attempt beyond `LIMITS.modelAttempts` that count fails the answer
   * instead and is `settled`. `after`: only where this attempt is still the newest, for the writer that goes on after
   * its own attempt; otherwise `settled`.
   */
  beginAnswer(answer: {
    readonly runId: string;
    readonly messageId: string;
    readonly after?: number;
  }): Promise<BeginAnswer>;
  /** Stores the latest state of the blocks that are being written, and the attempt's usage as far as it is known: its writer may be killed. */
  saveLiveBlocks(
    fence: AnswerFence,
    blocks: readonly LiveBlock[],
    usage?: Usage,
  ): Promise<{ readonly held: boolean; readonly cancelRequested: boolean }>;
  /**
   * Notes how an attempt ended that does not settle the answer (a retry follows), with its usage as far as known.
   * `retryAtMs`: the provider is asked again then (Unix milliseconds); while the fence holds, this is a numbered
   * `provider_waiting`. `stopped`: its process stops; the attempt does not count, and a wait that it had taken over goes on.
   */
  noteAttempt(
    fence: AnswerFence,
    note: {
      readonly usage?: Usage;
      readonly error: Failure;
      readonly retryAtMs?: number;
      readonly stopped?: true;
    },
  ): Promise<void>;
  /**
   * The answer as it stays: takes the place of the live blocks, makes a `requested` row for each tool call, numbers
   * all of it, and ends the run as succeeded in the same transaction where nothing is left to do. Undefined: the fence
   * is lost, nothing was written.
   */
  completeAnswer(
    fence: AnswerFence,
    answer: {
      readonly state: "complete" | "interrupted" | "failed";
      readonly blocks: readonly ContentBlock[];
      readonly usage?: Usage;
      readonly error?: Failure;
    },
  ): Promise<LoopView | undefined>;
  /**
   * Writes the outcome of a tool call into the chat as a tool message, once. Throws `failed_precondition` where the
   * ledger has no outcome yet.
   */
  deliverResult(toolCallId: string): Promise<LoopView>;
  /** Ends the run, unless it was ended already or there is something to do again (a message that came meanwhile, for `succeeded`). */
  endRun(end: {
    readonly runId: string;
    readonly outcome: "succeeded" | "failed" | "cancelled";
    readonly error?: Failure;
  }): Promise<LoopView>;
  /** Chats with a run under way, for an engine that starts. */
  chatsUnderWay(limit: number): Promise<readonly string[]>;
}
