import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type AgentSteps, type Decision, decide, runAgentLoop } from "../../../src/chat/agent-loop.ts";
import type { LoopView } from "../../../src/chat/loop-view.ts";
import { LIMITS } from "../../../src/core/limits.ts";

const run = { id: "run_1", cancelRequested: false, modelCalls: 1 };
const cancelling = { ...run, cancelRequested: true };
const failure = { code: "provider_failed", message: "overloaded" };
const answer = { messageId: "msg_a", state: "complete", openToolCallIds: [], hasToolCalls: false } as const;
const view = (changes: Partial<LoopView>): LoopView => ({ chatId: "chat_1", unanswered: false, ...changes });

const ROWS: readonly (readonly [string, LoopView, Decision])[] = [
  ["no run is under way", view({ unanswered: true }), { kind: "rest" }],
  ["a run has just begun", view({ run, unanswered: true }), { kind: "call_model", runId: "run_1" }],
  [
    "an answer was begun and its writer is gone",
    view({ run, answer: { ...answer, state: "open" } }),
    { kind: "call_model", runId: "run_1", messageId: "msg_a" },
  ],
  [
    "the model asked for tools",
    view({ run, answer: { ...answer, hasToolCalls: true, openToolCallIds: ["call_1", "call_2"] } }),
    { kind: "run_tools", runId: "run_1", toolCallIds: ["call_1", "call_2"] },
  ],
  [
    "one result is still missing",
    view({ run, answer: { ...answer, hasToolCalls: true, openToolCallIds: ["call_2"] } }),
    { kind: "run_tools", runId: "run_1", toolCallIds: ["call_2"] },
  ],
  [
    "all results stand in the chat",
    view({ run, answer: { ...answer, hasToolCalls: true } }),
    { kind: "call_model", runId: "run_1" },
  ],
  ["the model has answered", view({ run, answer }), { kind: "end_run", runId: "run_1", outcome: "succeeded" }],
  [
    "a message came while the model answered",
    view({ run, answer, unanswered: true }),
    { kind: "call_model", runId: "run_1" },
  ],
  [
    "the model could not be asked",
    view({ run, answer: { ...answer, state: "failed", error: failure } }),
    { kind: "end_run", runId: "run_1", outcome: "failed", error: failure },
  ],
  [
    "the model could not be asked, and nobody knows why",
    view({ run, answer: { ...answer, state: "failed" } }),
    { kind: "end_run", runId: "run_1", outcome: "failed" },
  ],
  [
    "a cancel before the first answer",
    view({ run: cancelling, unanswered: true }),
    { kind: "end_run", runId: "run_1", outcome: "cancelled" },
  ],
  [
    "a cancel while the model writes: the answer is settled first",
    view({ run: cancelling, answer: { ...answer, state: "open" } }),
    { kind: "call_model", runId: "run_1", messageId: "msg_a" },
  ],
  [
    "a cancel with open tool calls: each gets its outcome first",
    view({ run: cancelling, answer: { ...answer, hasToolCalls: true, openToolCallIds: ["call_1"] } }),
    { kind: "run_tools", runId: "run_1", toolCallIds: ["call_1"] },
  ],
  [
    "a cancel after the last result",
    view({ run: cancelling, answer: { ...answer, hasToolCalls: true } }),
    { kind: "end_run", runId: "run_1", outcome: "cancelled" },
  ],
  [
    "an answer that was cut off by a cancel",
    view({ run: cancelling, answer: { ...answer, state: "interrupted" } }),
    { kind: "end_run", runId: "run_1", outcome: "cancelled" },
  ],
];

describe("the agent loop decides", () => {
  for (const [what, seen, decision] of ROWS) {
    test(`${what}: ${decision.kind}`, () => {
      expect(decide(seen)).toEqual(decision);
    });
  }

  test("an agent that loops for ever is stopped and told so", () => {
    const tired = { ...run, modelCalls: LIMITS.modelCallsPerRun };
    const decision = decide(view({ run: tired, answer: { ...answer, hasToolCalls: true } }));
    expect(decision).toMatchObject({ kind: "end_run", outcome: "failed", error: { code: "resource_exhausted" } });
    expect(decide(view({ run: tired, answer }))).toMatchObject({ kind: "end_run", outcome: "succeeded" });
  });

  test("the same for the same view, and something for the run that is under way, whatever the store says", () => {
    const anyView: fc.Arbitrary<LoopView> = fc.record(
      {
        chatId: fc.constant("chat_1"),
        unanswered: fc.boolean(),
        run: fc.record({ id: fc.constant("run_1"), cancelRequested: fc.boolean(), modelCalls: fc.nat(300) }),
        answer: fc.record({
          messageId: fc.constant("msg_a"),
          state: fc.constantFrom("open", "complete", "interrupted", "failed"),
          openToolCallIds: fc.array(fc.constantFrom("call_1", "call_2"), { maxLength: 2 }),
          hasToolCalls: fc.boolean(),
        }),
      },
      { requiredKeys: ["chatId", "unanswered"] },
    );
    fc.assert(
      fc.property(anyView, (seen) => {
        const decision = decide(seen);
        expect(decide(structuredClone(seen))).toEqual(decision);
        expect(decision.kind === "rest").toBe(seen.run === undefined);
      }),
    );
  });
});

/** A model that asks for `turns` rounds of two tools and then answers; the steps write into a view as the store would. */
class ScriptedSteps implements AgentSteps {
  readonly log: string[] = [];
  private seen: LoopView;
  private ids = 0;

  constructor(
    private turns: number,
    /** True: no tool's answer knows of the others, as when their results were written by somebody else. */
    private readonly staleViews = false,
  ) {
    this.seen = view({ run, unanswered: true });
  }

  newMessageId(): string {
    return `msg_${++this.ids}`;
  }

  async look(): Promise<LoopView> {
    this.log.push("look");
    return this.seen;
  }

  async callModel({ messageId }: { readonly messageId: string }): Promise<LoopView> {
    this.log.push(`model ${messageId}`);
    const asks = this.turns-- > 0;
    this.seen = view({
      run,
      answer: {
        ...answer,
        messageId,
        hasToolCalls: asks,
        openToolCallIds: asks ? [`${messageId}_1`, `${messageId}_2`] : [],
      },
    });
    return this.seen;
  }

  async runTool({ toolCallId }: { readonly toolCallId: string }): Promise<LoopView> {
    this.log.push(`tool ${toolCallId}`);
    const before = this.seen;
    if (this.seen.answer === undefined) throw new Error("a tool ran without an answer that asks for it");
    const openToolCallIds = this.seen.answer.openToolCallIds.filter((id) => id !== toolCallId);
    this.seen = { ...this.seen, answer: { ...this.seen.answer, openToolCallIds } };
    return this.staleViews ? before : this.seen;
  }

  async endRun({ outcome }: { readonly outcome: string }): Promise<LoopView> {
    this.log.push(`end ${outcome}`);
    this.seen = view({});
    return this.seen;
  }
}

const always = () => true;

describe("the agent loop", () => {
  test("takes step after step until the run has ended, and looks once", async () => {
    const steps = new ScriptedSteps(1);
    expect(await runAgentLoop(steps, always)).toBe("rested");
    expect(steps.log).toEqual(["look", "model msg_1", "tool msg_1_1", "tool msg_1_2", "model msg_2", "end succeeded"]);
  });

  test("looks again where no tool's answer knows of all results", async () => {
    const steps = new ScriptedSteps(1, true);
    expect(await runAgentLoop(steps, always)).toBe("rested");
    expect(steps.log.filter((step) => step === "look")).toHaveLength(2);
  });

  test("pauses between steps when it has taken as many as it may, and goes on where it stopped", async () => {
    const steps = new ScriptedSteps(2);
    expect(await runAgentLoop(steps, (stepsDone) => stepsDone < 2)).toBe("paused");
    expect(steps.log).toEqual(["look", "model msg_1", "tool msg_1_1", "tool msg_1_2"]);
    expect(await runAgentLoop(steps, always)).toBe("rested");
    expect(steps.log.at(-1)).toBe("end succeeded");
  });

  test("a chat at rest takes no step", async () => {
    const steps = new ScriptedSteps(0);
    await steps.endRun({ outcome: "succeeded" });
    expect(await runAgentLoop(steps, always)).toBe("rested");
    expect(steps.log).toEqual(["end succeeded", "look"]);
  });
});
