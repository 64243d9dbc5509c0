import type { ToolOutputChunk } from "../../src/chat/chat-update.ts";
import type { ToolResult } from "../../src/chat/message.ts";
import { isOutcome, type ToolCall } from "../../src/chat/tool-call.ts";
import { type LedgerEvent, type Transition, transition } from "../../src/chat/transitions.ts";
import { ReliantError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import type { GatewayStore } from "../../src/gateway/gateway-store.ts";
import type { RouterStore } from "../../src/routing/tool-request.ts";
import type { Daemon, DaemonFence, HelloAnswer, HelloClaim } from "../../src/store/daemons.ts";
import { decideHello } from "../../src/store/kysely/hello-decision.ts";
import type { DaemonAnswer } from "../../src/store/tool-calls.ts";

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The part of the store that routing and gateways use, in memory, with the real decisions. `away` makes every call reject. */
export class FakeStore implements RouterStore, GatewayStore {
  readonly calls = new Map<string, Writable<ToolCall>>();
  readonly rows = new Map<string, Writable<Daemon>>();
  readonly revoked = new Set<string>();
  readonly cancelledRuns = new Set<string>();
  readonly savedOutput: ToolOutputChunk[] = [];
  readonly touched: DaemonFence[][] = [];
  /** Results that came too late to change anything. */
  readonly evidence: string[] = [];
  /** The daemon's process that each call was granted to. */
  private readonly instances = new Map<string, string>();
  away = false;
  /** Called after a handler's compare-and-set has committed and before its answer is given: dies there when it throws. */
  afterCommit: (event: LedgerEvent["kind"]) => void = () => undefined;

  constructor(private readonly now: () => number = Date.now) {}

  /** A new tool call of the user, in `requested`. */
  request(userId: string, call: Partial<ToolCall> = {}): ToolCall {
    const row: ToolCall = {
      ...{ id: newId("call"), chatId: newId("chat"), userId, runId: newId("run"), messageId: newId("msg"), index: 0 },
      ...{ name: "shell", input: { command: "true" }, state: "requested", delivered: false, createdAtMs: this.now() },
      ...call,
    };
    this.calls.set(row.id, { ...row });
    return row;
  }

  state(toolCallId: string): ToolCall["state"] | undefined {
    return this.calls.get(toolCallId)?.state;
  }

  readonly toolCalls = {
    get: async (id: string) => ({ ...this.row(id) }),
    find: async (id: string) => {
      this.mustBeThere();
      const row = this.calls.get(id);
      return row === undefined ? undefined : { ...row };
    },
    look: async (at: { toolCallId: string; userId: string; daemonId: string }) => {
      const call = this.row(at.toolCallId);
      if (call.userId !== at.userId) throw new ReliantError("not_found", `tool call ${at.toolCallId} is not there`);
      const daemonId = call.daemonId ?? at.daemonId;
      const daemon = this.rows.get(daemonId);
      return {
        ...{ call: { ...call }, daemonId, cancelRequested: this.cancelledRuns.has(call.runId) },
        daemon: daemon?.userId === at.userId ? { ...daemon } : undefined,
      };
    },
    dispatch: async (call: { toolCallId: string; daemonId: string; timeoutMs: number; deadlineAtMs: number }) => {
      const row = this.row(call.toolCallId);
      const { toolCallId: _, ...facts } = call;
      if (this.move(row, { kind: "dispatch" }).next !== undefined) Object.assign(row, facts);
      return { ...row };
    },
    postpone: async ({ toolCallId, deadlineAtMs }: { toolCallId: string; deadlineAtMs: number }) => {
      const row = this.row(toolCallId);
      if (row.state === "dispatched") row.deadlineAtMs = deadlineAtMs;
    },
    endBeforeRunning: async (call: {
      toolCallId: string;
      outcome: "cancelled" | "timed_out" | "failed" | "denied";
      reason: string;
    }) => {
      const row = this.row(call.toolCallId);
      const moved = this.move(row, { kind: "end_before_running", outcome: call.outcome });
      if (moved.next !== undefined) row.result = { text: call.reason, isError: true };
      return { ...row };
    },
    markUnreachable: async (id: string, reason: string) => {
      const row = this.row(id);
      if (this.move(row, { kind: "unreachable" }).next !== undefined) row.result = { text: reason, isError: true };
      return { ...row };
    },
    cancelRequested: async (id: string) => this.cancelledRuns.has(this.row(id).runId),
    daemonReady: async (fence: DaemonFence, ready: { toolCallId: string; journalId: string }) =>
      this.fenced(fence, ready.toolCallId, "withdraw", { kind: "ready", journalId: ready.journalId }),
    daemonResult: async (fence: DaemonFence, result: Parameters<GatewayStore["toolCalls"]["daemonResult"]>[1]) => {
      const { journalId, ending } = result;
      return this.fenced(fence, result.toolCallId, "ack", { kind: "result", journalId, ending }, result.result);
    },
  };

  readonly daemons = {
    find: async (userId: string, daemonId: string) => {
      this.mustBeThere();
      const row = this.rows.get(daemonId);
      return row?.userId === userId ? { ...row } : undefined;
    },
    hello: async (claim: HelloClaim, _signal?: AbortSignal): Promise<HelloAnswer> => {
      this.mustBeThere();
      const known = this.rows.get(claim.daemonId);
      const blank = { userId: claim.userId, epoch: 0, startCount: 0, instanceId: undefined, journalId: undefined };
      const answer = decideHello({ ...blank, ...known }, claim);
      if (answer.kind !== "taken") return answer;
      const { daemonId, lastEpoch: _, ...facts } = claim;
      const createdAtMs = known?.createdAtMs ?? this.now();
      this.rows.set(daemonId, { id: daemonId, ...facts, epoch: answer.epoch, connected: false, createdAtMs });
      return answer;
    },
    markConnected: async (fence: DaemonFence, nowMs: number) => {
      this.mustBeThere();
      const row = this.holder(fence);
      if (row === undefined) return false;
      row.connected = true;
      row.lastSeenAtMs = nowMs;
      return true;
    },
    markDisconnected: async (fence: DaemonFence) => {
      this.mustBeThere();
      const row = this.holder(fence);
      if (row !== undefined) row.connected = false;
    },
    touch: (fences: readonly DaemonFence[], nowMs: number) => {
      this.touched.push([...fences]);
      for (const fence of fences) Object.assign(this.holder(fence) ?? {}, { lastSeenAtMs: nowMs });
    },
    supersededAmong: async (fences: readonly DaemonFence[]) => {
      this.mustBeThere();
      return new Set(fences.filter((fence) => this.holder(fence) === undefined).map((fence) => fence.daemonId));
    },
  };

  readonly tokens = {
    invalidAmong: async (ids: readonly string[]) => {
      this.mustBeThere();
      return new Set(ids.filter((id) => this.revoked.has(id)));
    },
  };

  readonly updates = { saveLiveOutput: (chunk: ToolOutputChunk) => void this.savedOutput.push(chunk) };

  private fenced(
    fence: DaemonFence,
    toolCallId: string,
    forUnknownCall: "withdraw" | "ack",
    event: LedgerEvent,
    result?: ToolResult,
  ): DaemonAnswer {
    this.mustBeThere();
    const holder = this.holder(fence);
    if (holder === undefined) return { kind: "fenced" };
    const row = this.calls.get(toolCallId);
    if (
      row === undefined ||
      row.userId !== holder.userId ||
      (row.daemonId !== undefined && row.daemonId !== holder.id)
    ) {
      return { kind: "answer", answer: forUnknownCall };
    }
    const said =
      event.kind === "ready" || event.kind === "result" ? { ...event, instanceId: holder.instanceId } : event;
    const moved = this.move(row, said);
    if (moved.next !== undefined && result !== undefined) row.result = result;
    if (moved.evidence) this.evidence.push(toolCallId);
    this.afterCommit(event.kind);
    return { kind: "answer", answer: moved.answer, ...(isOutcome(row.state) ? { outcome: row.state } : {}) };
  }

  private move(row: Writable<ToolCall>, event: LedgerEvent): Transition {
    const instanceId = this.instances.get(row.id);
    const moved = transition({ state: row.state, journalId: row.journalId, instanceId }, event);
    if (moved.next !== undefined) {
      if (moved.next.instanceId !== undefined) this.instances.set(row.id, moved.next.instanceId);
      row.state = moved.next.state;
      if (moved.next.journalId !== undefined) row.journalId = moved.next.journalId;
    }
    return moved;
  }

  private holder(fence: DaemonFence): Writable<Daemon> | undefined {
    const row = this.rows.get(fence.daemonId);
    return row?.epoch === fence.epoch ? row : undefined;
  }

  private row(id: string): Writable<ToolCall> {
    this.mustBeThere();
    const row = this.calls.get(id);
    if (row === undefined) throw new ReliantError("not_found", `tool call ${id} is not there`);
    return row;
  }

  private mustBeThere(): void {
    if (this.away) throw new ReliantError("unavailable", "the store is away");
  }
}
