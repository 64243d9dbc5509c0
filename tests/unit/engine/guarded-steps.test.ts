import { describe, expect, test } from "bun:test";
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  RetryState,
  TimeoutFailure,
  TimeoutType,
} from "@temporalio/common";
import type { AgentSteps } from "../../../src/chat/agent-loop.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { guardedSteps } from "../../../src/engine/guarded-steps.ts";
import { stepFailureOf, toApplicationFailure } from "../../../src/engine/temporal/workflow-failure.ts";

const view = { chatId: "chat_1", unanswered: false };

function stepsThatThrow(thrown: unknown) {
  const done: string[] = [];
  const steps: AgentSteps = {
    look: async () => {
      done.push("look");
      return view;
    },
    callModel: async () => Promise.reject(thrown),
    runTool: async () => Promise.reject(thrown),
    endRun: async ({ outcome, error }) => {
      done.push(`end ${outcome}: ${error?.message}`);
      return view;
    },
    newMessageId: () => "msg_1",
  };
  return { done, steps };
}

function activityFailure(cause: Error): ActivityFailure {
  return new ActivityFailure("failed", "callModel", "1", RetryState.NON_RETRYABLE_FAILURE, "worker", cause);
}

describe("a step that rejects", () => {
  test("ends its run with the failure's code and words", async () => {
    const thrown = activityFailure(toApplicationFailure(new ReliantError("not_found", "find project prj_1: none")));
    const { done, steps } = stepsThatThrow(thrown);
    await guardedSteps(steps, stepFailureOf).callModel({ runId: "run_1", messageId: "msg_1" });
    expect(done).toEqual(["end failed: find project prj_1: none"]);
  });

  test("makes the loop look again when it was cancelled, or was given up after a cancel", async () => {
    const causes = [
      new CancelledFailure("cancelled"),
      new TimeoutFailure("heartbeat", undefined, TimeoutType.HEARTBEAT),
      toApplicationFailure(new ReliantError("unavailable", "this process stops")),
    ];
    const looked = await Promise.all(
      causes.map(async (cause) => {
        const { done, steps } = stepsThatThrow(activityFailure(cause));
        await guardedSteps(steps, stepFailureOf).runTool({ runId: "run_1", toolCallId: "call_1" });
        return done;
      }),
    );
    expect(looked).toEqual([["look"], ["look"], ["look"]]);
  });

  test("is nobody's when it is no failure of a step", async () => {
    const { steps } = stepsThatThrow(new TypeError("a mistake of ours"));
    const guarded = guardedSteps(steps, stepFailureOf);
    await expect(guarded.callModel({ runId: "run_1", messageId: "msg_1" })).rejects.toThrow("a mistake of ours");
  });
});

describe("our errors as Temporal carries them", () => {
  test("are repeated or not by their code", () => {
    const failures = (["unavailable", "conflict", "not_found", "internal"] as const).map((code) =>
      toApplicationFailure(new ReliantError(code, "m")),
    );
    expect(failures.map((failure) => [failure.type, failure.nonRetryable])).toEqual([
      ["unavailable", false],
      ["conflict", false],
      ["not_found", true],
      ["internal", true],
    ]);
  });

  test("carry no cause and a bounded text", () => {
    const failure = toApplicationFailure(
      new ReliantError("internal", "x".repeat(10_000), { cause: new Error("secret") }),
    );
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure.message.length).toBe(2000);
    expect(failure.cause).toBeUndefined();
  });
});
