import type { LiveBlock } from "../../src/chat/chat-update.ts";
import type { LoopView } from "../../src/chat/loop-view.ts";
import type { Chat, ContentBlock, Failure, Message, Run, RunState, Usage } from "../../src/chat/message.ts";
import { outcomeResult } from "../../src/chat/outcome-text.ts";
import { isOutcome, type ToolCall } from "../../src/chat/tool-call.ts";
import { type LedgerEvent, transition } from "../../src/chat/transitions.ts";
import { ReliantError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { AnswerFence, Turns } from "../../src/store/turns.ts";

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
type LedgerRow = Writable<ToolCall>;

/** One chat in memory, with the part of the store that the loop's steps use. `away` makes every call reject. */
export class FakeChat {
  readonly messages: Writable<Message>[] = [];
  readonly ledger = new Map<string, LedgerRow>();
  readonly attempts = new Map<string, number>();
  /** Run of each answer. */
  private readonly runOf = new Map<string, string>();
  readonly notes: (Parameters<Turns["noteAttempt"]>[1] & { readonly fence: AnswerFence })[] = [];
  live: readonly LiveBlock[] = [];
  /** What was noted on the way, by attempt. */
  readonly usages = new Map<number, Usage>();
  run: Writable<Run> | undefined;
  away = false;
  projectPath: string | undefined = "/home/ada/shop";
  /** Writes of the loop that changed something. */
  writes = 0;
  readonly chat: Writable<Chat>;

  constructor(readonly chatId: string = newId("chat")) {
    this.chat = {
      ...{ id: chatId, userId: "usr_ada", projectId: "prj_shop", title: "t", model: "fake/one", sequence: 0 },
      ...{ createdAtMs: 0, updatedAtMs: 0 },
    };
  }

  say(text: string): string {
    const id = newId("msg");
    this.messages.push(this.newMessage(id, "user", "complete", [{ kind: "text", text }]));
    this.run ??= this.newRun();
    return id;
  }

  requestCancel(): void {
    if (this.run === undefined) return;
    this.run.cancelRequested = true;
    for (const row of this.ledger.values()) {
      this.change(row, { kind: "end_before_running", outcome: "cancelled" });
    }
  }

  /** The newest run's end. */
  endedAs: RunState | undefined;
  runError: Failure | undefined;

  readonly turns: Turns = {
    view: async () => this.view(),
    beginAnswer: async ({ runId, messageId, after }) => {
      this.mustBeThere();
      const there = this.messages.find((message) => message.id === messageId);
      if (this.run?.id !== runId || (there !== undefined && there.state !== "open")) {
        return { kind: "settled", view: this.view() };
      }
      if (after !== undefined && after !== this.attempts.get(messageId)) return { kind: "settled", view: this.view() };
      const before = this.messages.filter((message) => message.id !== messageId && message.state !== "open");
      const message = there ?? this.newMessage(messageId, "assistant", "open", []);
      if (there === undefined) {
        this.messages.push(message);
        this.runOf.set(messageId, runId);
        this.run.modelCalls++;
      }
      const attempt = (this.attempts.get(messageId) ?? 0) + 1;
      this.writes++;
      const asked = attempt - this.notes.filter(({ stopped }) => stopped).length;
      if (asked > LIMITS.modelAttempts) {
        message.state = "failed";
        message.error = { code: "provider_failed", message: "too many attempts" };
        return { kind: "settled", view: this.view() };
      }
      this.attempts.set(messageId, attempt);
      const project = this.projectPath === undefined ? {} : { projectPath: this.projectPath };
      const wait = after === undefined ? this.notes.at(-1)?.retryAtMs : undefined;
      return {
        ...{
          kind: "begun",
          attempt,
          asked,
          chat: { ...this.chat, run: { ...this.run } },
          ...project,
          messages: before,
        },
        ...(wait === undefined ? {} : { notBeforeMs: wait }),
      };
    },
    saveLiveBlocks: async (fence, blocks, usage) => {
      this.mustBeThere();
      if (!this.holds(fence)) return { held: false, cancelRequested: false };
      if (usage !== undefined) this.usages.set(fence.attempt, usage);
      const kept = this.live.filter((old) => !blocks.some((block) => block.blockIndex === old.blockIndex));
      this.live = [...kept, ...blocks];
      return { held: true, cancelRequested: this.run?.cancelRequested ?? false };
    },
    noteAttempt: async (fence, note) => {
      this.mustBeThere();
      // An attempt ends once.
      if (this.notes.some((noted) => noted.fence.attempt === fence.attempt)) return;
      this.notes.push({ fence, ...note });
    },
    completeAnswer: async (fence, answer) => {
      this.mustBeThere();
      const message = this.messages.find((each) => each.id === fence.messageId);
      if (message === undefined || !this.holds(fence)) return undefined;
      this.writes++;
      this.live = [];
      Object.assign(message, answer);
      for (const [index, block] of answer.blocks.entries()) {
        if (block.kind === "tool_call") this.request(message.id, block, index);
      }
      const view = this.view();
      const done = answer.state === "complete" && view.answer?.hasToolCalls === false && !view.unanswered;
      if (done && this.run?.cancelRequested === false) this.end("succeeded");
      return this.view();
    },
    deliverResult: async (toolCallId) => {
      this.mustBeThere();
      const row = this.row(toolCallId);
      if (!isOutcome(row.state)) throw new ReliantError("failed_precondition", `deliver ${toolCallId}: no outcome yet`);
      if (!row.delivered) {
        this.writes++;
        row.delivered = true;
        const result = row.result ?? outcomeResult(row.state);
        const block: ContentBlock = { kind: "tool_result", toolCallId, outcome: row.state, result };
        this.messages.push(this.newMessage(newId("msg"), "tool", "complete", [block]));
      }
      return this.view();
    },
    endRun: async ({ runId, outcome, error }) => {
      this.mustBeThere();
      if (this.run?.id !== runId) return this.view();
      if (outcome === "succeeded" && this.view().unanswered) return this.view();
      this.end(outcome, error);
      return this.view();
    },
    chatsUnderWay: async () => (this.run === undefined ? [] : [this.chatId]),
  };

  readonly toolCalls = {
    get: async (toolCallId: string): Promise<ToolCall> => ({ ...this.row(toolCallId) }),
    startHere: async (start: { toolCallId: string; journalId: string; timeoutMs: number; deadlineAtMs: number }) => {
      const { toolCallId, journalId, timeoutMs, deadlineAtMs } = start;
      const row = this.row(toolCallId);
      const started = this.change(row, { kind: "start_here", journalId });
      if (started) Object.assign(row, { timeoutMs, deadlineAtMs });
      return { started, toolCall: { ...row } };
    },
    finishHere: async (finish: Parameters<FakeChat["finish"]>[0]) => this.finish(finish),
    endBeforeRunning: async (end: {
      toolCallId: string;
      outcome: "cancelled" | "timed_out" | "failed" | "denied";
      reason: string;
    }) => {
      const row = this.row(end.toolCallId);
      const changed = this.change(row, { kind: "end_before_running", outcome: end.outcome });
      if (changed) row.result = outcomeResult(end.outcome, end.reason);
      return { ...row };
    },
    markUnreachable: async (toolCallId: string, reason: string) => {
      const row = this.row(toolCallId);
      if (this.change(row, { kind: "unreachable" })) row.result = outcomeResult("unknown", reason);
      return { ...row };
    },
    cancelRequested: async () => {
      this.mustBeThere();
      return this.run?.cancelRequested ?? false;
    },
  };

  /** The ledger's event of a fake daemon or tool. */
  change(row: LedgerRow, event: LedgerEvent): boolean {
    const { next } = transition({ state: row.state, journalId: row.journalId }, event);
    if (next === undefined) return false;
    this.writes++;
    row.state = next.state;
    if (next.journalId !== undefined) row.journalId = next.journalId;
    return true;
  }

  finish(finish: {
    readonly toolCallId: string;
    readonly journalId: string;
    readonly ending: Extract<LedgerEvent, { kind: "result" }>["ending"];
    readonly result: ToolCall["result"] & {};
  }): ToolCall {
    this.mustBeThere();
    const row = this.row(finish.toolCallId);
    if (this.change(row, { kind: "result", journalId: finish.journalId, ending: finish.ending })) {
      row.result = finish.result;
    }
    return { ...row };
  }

  row(toolCallId: string): LedgerRow {
    this.mustBeThere();
    const row = this.ledger.get(toolCallId);
    if (row === undefined) throw new ReliantError("not_found", `find tool call ${toolCallId}: none`);
    return row;
  }

  /** A call that the model has asked for in a complete answer. */
  request(messageId: string, block: Extract<ContentBlock, { kind: "tool_call" }>, index = 0): LedgerRow {
    const row: LedgerRow = {
      ...{ id: block.toolCallId, chatId: this.chatId, userId: "usr_ada", runId: this.run?.id ?? "", messageId, index },
      ...{ name: block.name, input: block.input, state: "requested", delivered: false, createdAtMs: 0 },
    };
    this.ledger.set(row.id, row);
    return row;
  }

  view(): LoopView {
    this.mustBeThere();
    const answer = this.messages.findLast((each) => each.role === "assistant");
    const user = this.messages.findLast((each) => each.role === "user");
    const unanswered = (user?.position ?? 0) > (answer?.position ?? 0);
    if (this.run === undefined) return { chatId: this.chatId, unanswered };
    const { id, cancelRequested, modelCalls } = this.run;
    const run = { id, cancelRequested, modelCalls };
    const ofThisRun = answer !== undefined && (this.runOf.get(answer.id) ?? id) === id;
    if (!ofThisRun) return { chatId: this.chatId, run, unanswered };
    const calls = [...this.ledger.values()].filter((row) => row.messageId === answer.id);
    return {
      ...{ chatId: this.chatId, run, unanswered },
      answer: {
        messageId: answer.id,
        state: answer.state,
        ...(answer.error === undefined ? {} : { error: answer.error }),
        openToolCallIds: calls.filter((row) => !row.delivered).map((row) => row.id),
        hasToolCalls: calls.length > 0,
      },
    };
  }

  private end(state: RunState, error?: Failure): void {
    this.writes++;
    this.run = undefined;
    this.endedAs = state;
    this.runError = error;
  }

  private holds(fence: AnswerFence): boolean {
    const message = this.messages.find((each) => each.id === fence.messageId);
    return message?.state === "open" && this.attempts.get(fence.messageId) === fence.attempt;
  }

  private mustBeThere(): void {
    if (this.away) throw new ReliantError("unavailable", "ask the store: it is away");
  }

  private newRun(): Writable<Run> {
    const id = newId("run");
    return { id, chatId: this.chatId, state: "running", cancelRequested: false, modelCalls: 0, startedAtMs: 0 };
  }

  private newMessage(
    id: string,
    role: Message["role"],
    state: Message["state"],
    blocks: readonly ContentBlock[],
  ): Writable<Message> {
    return { id, chatId: this.chatId, position: this.messages.length + 1, role, state, blocks, createdAtMs: 0 };
  }
}
