import type { Failure, MessageState } from "./message.ts";

/** What the store says of a chat, as far as the next step depends on it. Ids and small facts only: it goes through histories. */
export interface LoopView {
  readonly chatId: string;
  /** The run under way; undefined: nothing is to be done. */
  readonly run?: { readonly id: string; readonly cancelRequested: boolean; readonly modelCalls: number };
  /** The newest assistant's message of this run. */
  readonly answer?: {
    readonly messageId: string;
    readonly state: MessageState;
    readonly error?: Failure;
    /** Its tool calls whose result does not stand in the chat yet, in their order. */
    readonly openToolCallIds: readonly string[];
    readonly hasToolCalls: boolean;
  };
  /** True where a user's message is newer than the newest assistant's message. */
  readonly unanswered: boolean;
}
