import type { FailureKind, Vendor } from "../../../src/models/provider-failures.ts";
import type { ProviderWire } from "../../contract/model-provider-wire.ts";

/** What a provider gives to one request. */
export type Reply =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body: string;
    }
  /** `reset`: the connection is reset behind the text. `silence`: nothing more comes, and it stays open. */
  | { readonly kind: "stream"; readonly text: string; readonly end: "proper" | "reset" | "silence" }
  /** Piece by piece, with pauses; then its proper end. */
  | { readonly kind: "trickle"; readonly pieces: readonly string[]; readonly pauseMs: number };

/** Failures that a provider tells as its answer. */
export type ToldFailure = Extract<
  FailureKind,
  | "quota_spent"
  | "wrong_key"
  | "context_too_long"
  | "unknown_model"
  | "rate_limited"
  | "overloaded"
  | "provider_timed_out"
  | "server_error"
  | "bad_request"
>;

export type Told = { readonly status: number; readonly body: string };

/** One vendor's format, with everything that goes wrong in it. Streams are whole texts of server-sent events. */
export interface FailingWire {
  readonly vendor: Vendor;
  readonly wire: ProviderWire;
  /** Each as the vendor documents it, or as it was seen; where a vendor has several ways, all of them. */
  readonly told: Readonly<Record<ToldFailure, readonly Told[]>>;
  /** An error in the middle of the stream, behind the text "Let", and the row that it belongs to. */
  readonly errorEvent: { readonly text: string; readonly kind: "overloaded" | "server_error" };
  /** An end that says that the model's own words could not be read; undefined: the vendor has none. */
  readonly badEnd: string | undefined;
  /** Some text, then the end of a refusal. */
  readonly refusal: string;
  /** The text "Let", then the end of an answer that is too long. */
  readonly tooLong: string;
  /** A call of `shell` that breaks off within its arguments, with no end. */
  readonly callBrokenOff: string;
  /** The same, with the end of an answer that is too long. */
  readonly callTooLong: string;
  /** A call of `list_files` whose arguments had not begun, with the end of an answer that is too long. */
  readonly callNotBegun: string;
  /** So many calls of `shell` in one message: the command is made of the call's number, from 0. */
  calls(commands: readonly string[]): string;
  /** Usage of an answer that broke off behind "Let", as far as the vendor tells it before the end. */
  readonly partialUsage: { readonly inputTokens: number } | undefined;
}

/** The command of the calls that are cut: it must never run. */
export const CUT_COMMAND = '{"command":"touch must-not-be-there';
