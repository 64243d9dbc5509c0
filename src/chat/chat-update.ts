import type { Failure, Message, Run } from "./message.ts";
import type { ToolCallState } from "./tool-call.ts";

/** One numbered change of a chat. */
export interface ChatUpdate {
  readonly chatId: string;
  /** Counts from 1 in its chat, without gap. */
  readonly sequence: number;
  readonly event: ChatEvent;
}

export type ChatEvent =
  /** A whole message: a new one, or one that takes the place of what streamed under its id. */
  | { readonly kind: "message"; readonly message: Message }
  /** A new attempt at this message began: what streamed under its id before is void. */
  | { readonly kind: "attempt_started"; readonly messageId: string; readonly attempt: number }
  /** The model's provider failed and is asked again then. The next attempt, or the message as it stands, ends the wait. */
  | {
      readonly kind: "provider_waiting";
      readonly messageId: string;
      /** The attempt that failed, or the one that took over its wait. */
      readonly attempt: number;
      /** Unix milliseconds */
      readonly untilMs: number;
      readonly reason: Failure;
    }
  | {
      readonly kind: "tool_call";
      readonly toolCallId: string;
      readonly messageId: string;
      readonly name: string;
      readonly state: ToolCallState;
      readonly daemonId?: string;
    }
  | { readonly kind: "run"; readonly run: Run };

/** A wait for the model's provider that is under way, for whoever comes after its number. */
export interface ProviderWait extends Omit<Extract<ChatEvent, { kind: "provider_waiting" }>, "kind"> {
  readonly chatId: string;
}

/** A numbered coarse change, for one user. */
export interface UserUpdate {
  readonly userId: string;
  /** Counts from 1 for its user, without gap. */
  readonly sequence: number;
  readonly event: UserEvent;
}

/** What changed; its present state is read from the store by whoever tells the client. */
export type UserEvent =
  | { readonly kind: "chat_changed"; readonly chatId: string }
  | { readonly kind: "daemon_changed"; readonly daemonId: string };

export type LiveBlockKind = "text" | "thinking" | "tool_input";

/** Text that the model is writing now: no number; a numbered update takes its place. */
export interface BlockDelta {
  readonly chatId: string;
  readonly messageId: string;
  readonly attempt: number;
  readonly blockIndex: number;
  readonly blockKind: LiveBlockKind;
  /** UTF-8 bytes of the block before this delta. */
  readonly offset: number;
  readonly text: string;
  /** For `tool_input`. */
  readonly toolName?: string;
}

/** The stored part of a block that is being written: everything up to `text`'s end. */
export type LiveBlock = Omit<BlockDelta, "offset">;

/** Live output of a running tool: a lossy view. `data` is base64. */
export interface ToolOutputChunk {
  readonly chatId: string;
  readonly toolCallId: string;
  readonly channel: "stdout" | "stderr";
  /** Bytes of the call's output before this chunk, lost ones included. */
  readonly offset: number;
  readonly data: string;
  /** Bytes left out before this chunk. */
  readonly gapBytes: number;
}
