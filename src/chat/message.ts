import type { JsonValue } from "./json.ts";
import type { ToolCallOutcome } from "./tool-call.ts";

export type Role = "user" | "assistant" | "tool";

/**
 * `open`: the model is writing it. `interrupted`: cancelled in the middle, what had come is kept.
 * `failed`: the model could not be asked; `error` says why.
 */
export type MessageState = "open" | "complete" | "interrupted" | "failed";

/**
 * One part of a message. `providerData` is what the provider wants to see again with the block (a signature of its
 * thinking, say); nobody else reads it. `data` is base64.
 */
export type ContentBlock =
  | { readonly kind: "text"; readonly text: string; readonly providerData?: JsonValue }
  | { readonly kind: "thinking"; readonly text: string; readonly providerData?: JsonValue }
  | {
      readonly kind: "tool_call";
      readonly toolCallId: string;
      /** The provider's own id of the call. */
      readonly providerCallId: string;
      readonly name: string;
      /** As the model wrote it; a string where it was not JSON. */
      readonly input: JsonValue;
      readonly providerData?: JsonValue;
    }
  | {
      readonly kind: "tool_result";
      readonly toolCallId: string;
      readonly outcome: ToolCallOutcome;
      readonly result: ToolResult;
    }
  | { readonly kind: "image"; readonly mediaType: string; readonly data: string }
  | { readonly kind: "file"; readonly name: string; readonly mediaType: string; readonly data: string };

/** What a tool gave. A tool that ran and failed is a result too (`isError`). */
export interface ToolResult {
  /** What the model reads; bounded by `LIMITS.toolResultTextBytes`, cuts marked. */
  readonly text: string;
  readonly isError: boolean;
  readonly images?: readonly ToolImage[];
  /** Facts for programs: exit code, counts, where the whole output is. */
  readonly details?: JsonValue;
}

export interface ToolImage {
  readonly mediaType: string;
  /** base64 */
  readonly data: string;
}

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedInputTokens: number;
  readonly reasoningTokens: number;
}

export interface Failure {
  readonly code: string;
  readonly message: string;
}

export interface Message {
  readonly id: string;
  readonly chatId: string;
  /** Counts from 1 in its chat, in the order in which messages were begun. */
  readonly position: number;
  readonly role: Role;
  readonly state: MessageState;
  readonly blocks: readonly ContentBlock[];
  /** `provider/model`, for an assistant's message. */
  readonly model?: string;
  readonly usage?: Usage;
  readonly error?: Failure;
  readonly createdAtMs: number;
}

export type RunState = "running" | "succeeded" | "failed" | "cancelled";

/** One stretch of work on a chat: from a user's message until nothing is left to do. A chat has at most one running. */
export interface Run {
  readonly id: string;
  readonly chatId: string;
  readonly state: RunState;
  readonly cancelRequested: boolean;
  readonly modelCalls: number;
  readonly error?: Failure;
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
}

export interface Chat {
  readonly id: string;
  readonly userId: string;
  readonly projectId?: string;
  readonly title: string;
  /** `provider/model` */
  readonly model: string;
  /** The daemon that this chat names; without it the user's default. */
  readonly daemonId?: string;
  /** Number of the last update. */
  readonly sequence: number;
  /** The newest run. */
  readonly run?: Run;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}
