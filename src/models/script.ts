import type { JsonValue } from "../chat/json.ts";
import type { Usage } from "../chat/message.ts";
import type { FinishReason } from "./model-provider.ts";

/** A script as it is played; {@link file://./script-schema.ts} is how it is written. Lines count from 1 in its file. */
export interface Script {
  /** As messages name it: the file's path. */
  readonly name: string;
  readonly conversations: readonly Conversation[];
}

export interface Conversation {
  /** Begins it: a user's message that fits. Undefined: begins with the chat, where no other one does. */
  readonly match: TextMatch | undefined;
  readonly line: number;
  readonly turns: readonly Turn[];
}

export interface Turn {
  readonly line: number;
  readonly expect: Expectations;
  readonly captures: readonly Capture[];
  readonly steps: readonly Step[];
  readonly usage: Usage;
  /** Undefined: `tool_calls` where there are some, else `stop`. */
  readonly stop: FinishReason | undefined;
}

/** All that are set must hold. `matches` is a regular expression, found anywhere. */
export interface TextMatch {
  readonly contains?: string | undefined;
  readonly equals?: string | undefined;
  readonly matches?: string | undefined;
}

export interface Expectations {
  readonly lastUser?: TextMatch | undefined;
  readonly system?: TextMatch | undefined;
  readonly messages?: number | undefined;
  /** Names that must be among the tools. */
  readonly tools?: readonly string[] | undefined;
  readonly results: readonly ResultExpectation[];
}

export interface ResultExpectation {
  /** Label of a call, or name of a tool: its latest result. */
  readonly call: string;
  readonly text: TextMatch;
  readonly isError?: boolean | undefined;
}

/** A value for templates: the first group of `matches`, or all that it found. */
export interface Capture {
  readonly name: string;
  /** Undefined: the last message of the user. */
  readonly result: string | undefined;
  readonly matches: string;
}

/** How text is cut into deltas: characters each (undefined: in one piece), and the wait before each, milliseconds. */
export interface Pace {
  readonly chunk: number | undefined;
  readonly paceMs: number;
}

export type Step =
  | { readonly kind: "say"; readonly block: "text" | "thinking"; readonly text: string; readonly pace: Pace }
  | { readonly kind: "delay"; readonly ms: number }
  | {
      readonly kind: "tool_call";
      readonly name: string;
      readonly label: string | undefined;
      readonly input: JsonValue;
      /** In place of `input`: sent as it stands, JSON or not. */
      readonly inputText: string | undefined;
      readonly pace: Pace;
    }
  | {
      readonly kind: "error";
      readonly message: string;
      readonly status: number | undefined;
      readonly retryable: boolean;
      readonly retryAfterMs: number | undefined;
      /** Fails only up to this attempt, from 1. Undefined: always. */
      readonly attempts: number | undefined;
    };
