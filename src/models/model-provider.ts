import type { JsonValue } from "../chat/json.ts";
import type { Message, Usage } from "../chat/message.ts";
import type { ToolDescription } from "../chat/tool-description.ts";
import { type ErrorCode, ReliantError } from "../core/errors.ts";
import type { FailureKind } from "./provider-failures.ts";

export interface ModelRequest {
  /** The provider's own name of the model, without the provider's prefix. */
  readonly model: string;
  readonly system: string;
  /** In the order of {@link file://../chat/transcript.ts}: results directly behind the answer that asked for them. */
  readonly messages: readonly Message[];
  readonly tools: readonly ToolDescription[];
  /** For providers that cache by key, and for scripted models. */
  readonly chatId: string;
  /** Which attempt at this answer it is, from 1 (the default). Scripted models look at it. */
  readonly attempt?: number;
}

export type FinishReason = "stop" | "tool_calls" | "length" | "refusal" | "other";

/**
 * What a model streams. Blocks are numbered from 0 in the order in which they begin; several may be open at once.
 * The last event is `finish`; a stream that ends without it was cut.
 */
export type ModelEvent =
  | { readonly kind: "block_started"; readonly index: number; readonly block: "text" | "thinking" }
  | {
      readonly kind: "tool_call_started";
      readonly index: number;
      readonly providerCallId: string;
      readonly name: string;
    }
  /** Text, thinking, or the JSON of a tool's input as it comes. */
  | { readonly kind: "delta"; readonly index: number; readonly text: string }
  | {
      readonly kind: "block_ended";
      readonly index: number;
      /** For a tool call: the whole input; a string where it is not JSON. */
      readonly input?: JsonValue;
      readonly providerData?: JsonValue;
    }
  /** What the provider has counted so far, where it says so before the end: all that is known of an answer that breaks off. */
  | { readonly kind: "usage"; readonly usage: Usage }
  | { readonly kind: "finish"; readonly reason: FinishReason; readonly usage: Usage };

/** One provider of models. */
export interface ModelProvider {
  /**
   * Asks once: no retries of its own. Throws {@link ModelError}, also where nothing came for `LIMITS.modelSilenceMs`
   * (keep-alives count); ends with the signal's reason when it aborts.
   */
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>;
}

/** Finds the provider of `provider/model`. Throws `invalid_argument` for an unknown one, `failed_precondition` where its key is not set. */
export interface ModelCatalog {
  resolve(name: string): { readonly provider: ModelProvider; readonly model: string };
}

/** A model could not be asked, or its answer broke off. */
export class ModelError extends ReliantError {
  /** True where the same request may succeed later. */
  readonly retryable: boolean;
  /** What the provider asks to wait, milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** Its row of the table, where it has one. */
  readonly failure: FailureKind | undefined;

  constructor(
    message: string,
    options: {
      readonly retryable: boolean;
      readonly retryAfterMs?: number | undefined;
      readonly failure?: FailureKind;
      readonly code?: ErrorCode;
      readonly cause?: unknown;
      readonly hint?: string;
    },
  ) {
    super(options.code ?? "provider_failed", message, options);
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.failure = options.failure;
  }
}
