import { ActivityFailure, ApplicationFailure } from "@temporalio/common";
import type { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { StepFailure } from "../guarded-steps.ts";

/** Our error as Temporal carries it: code and text, and whether the step is worth repeating. No cause, no stack: it goes into the history. */
export function toApplicationFailure(error: ReliantError, again: boolean = error.row.retryable): ApplicationFailure {
  return ApplicationFailure.create({
    message: error.message.slice(0, LIMITS.failureTextChars),
    type: error.code,
    nonRetryable: !again,
  });
}

/**
 * What a rejected activity means for the loop. Steps are repeated for ever, so one that is given up was either refused
 * for good, or cancelled (a worker that dies, or stops, in a cancelled step is one too: Temporal repeats no such step).
 */
export function stepFailureOf(error: unknown): StepFailure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure && cause.nonRetryable === true) {
    return { kind: "failed", error: { code: cause.type ?? "internal", message: cause.message } };
  }
  if (error instanceof ActivityFailure) return { kind: "look_again" };
  throw error;
}
