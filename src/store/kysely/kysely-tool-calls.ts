import { sql } from "kysely";
import type { ToolResult } from "../../chat/message.ts";
import { outcomeResult } from "../../chat/outcome-text.ts";
import { isOutcome, type ToolCall } from "../../chat/tool-call.ts";
import { type Ending, outcomeOf } from "../../chat/transitions.ts";
import { ReliantError } from "../../core/errors.ts";
import type { DaemonFence } from "../daemons.ts";
import type { CallLook, DaemonAnswer, ToolCalls } from "../tool-calls.ts";
import { lookAtCall } from "./call-look.ts";
import { checkResult } from "./check-sizes.ts";
import type { Database } from "./database.ts";
import { type Move, type Moved, moveToolCall } from "./ledger.ts";
import { moveSlimAtOnce, moveWholeAtOnce } from "./ledger-postgres.ts";
import { type ToolCallRow, toToolCall } from "./tool-call-rows.ts";

/** The ledger over the database; its transitions are in chat/transitions.ts, their writing in ledger.ts. */
export class KyselyToolCalls implements ToolCalls {
  constructor(private readonly database: Database) {}

  async get(toolCallId: string): Promise<ToolCall> {
    const found = await this.find(toolCallId);
    if (found === undefined) throw notFound(toolCallId);
    return found;
  }

  async find(toolCallId: string): Promise<ToolCall | undefined> {
    const row = await this.database.read("read tool call", (db) =>
      db.selectFrom("tool_calls").selectAll().where("id", "=", toolCallId).executeTakeFirst(),
    );
    return row === undefined ? undefined : toToolCall(row);
  }

  async look(at: Parameters<ToolCalls["look"]>[0]): Promise<CallLook> {
    const found = await this.database.read("look at tool call", (db) => lookAtCall(db, at));
    if (found === undefined) throw notFound(at.toolCallId);
    return found;
  }

  async dispatch(call: Parameters<ToolCalls["dispatch"]>[0]): Promise<ToolCall> {
    return looked(await this.move("dispatch tool call", { ...call, event: { kind: "dispatch" } }), call.toolCallId)
      .call;
  }

  async postpone({ toolCallId, deadlineAtMs }: Parameters<ToolCalls["postpone"]>[0]): Promise<void> {
    await this.database.single("postpone tool call", ({ db }) =>
      db
        .updateTable("tool_calls")
        .set({ deadline_at: deadlineAtMs })
        .where("id", "=", toolCallId)
        .where("state", "=", "dispatched")
        .execute(),
    );
  }

  async startHere(call: Parameters<ToolCalls["startHere"]>[0]) {
    const { journalId, ...facts } = call;
    const moved = await this.move("start tool call", { ...facts, event: { kind: "start_here", journalId } });
    const { call: toolCall, changed } = looked(moved, call.toolCallId);
    return { started: changed, toolCall };
  }

  async finishHere(call: Parameters<ToolCalls["finishHere"]>[0]): Promise<ToolCall> {
    checkResult(call.toolCallId, call.result);
    const { toolCallId, journalId, ending, result } = call;
    const moved = await this.move("finish tool call", {
      toolCallId,
      result,
      event: { kind: "result", journalId, ending },
    });
    return looked(moved, toolCallId).call;
  }

  async daemonReady(
    fence: DaemonFence,
    ready: { readonly toolCallId: string; readonly journalId: string },
  ): Promise<DaemonAnswer> {
    const { toolCallId, journalId } = ready;
    const moved = await this.daemonMove("grant tool call", { toolCallId, fence, event: { kind: "ready", journalId } });
    return answerOf(moved, "withdraw");
  }

  async daemonResult(
    fence: DaemonFence,
    result: {
      readonly toolCallId: string;
      readonly journalId: string;
      readonly ending: Ending;
      readonly result?: ToolResult;
    },
  ): Promise<DaemonAnswer> {
    checkResult(result.toolCallId, result.result);
    const { toolCallId, journalId, ending } = result;
    const moved = await this.daemonMove("store tool result", {
      toolCallId,
      fence,
      event: { kind: "result", journalId, ending },
      result: result.result ?? outcomeResult(outcomeOf(ending)),
    });
    return answerOf(moved, "ack");
  }

  async endBeforeRunning(call: Parameters<ToolCalls["endBeforeRunning"]>[0]): Promise<ToolCall> {
    const { toolCallId, outcome, reason } = call;
    const event = { kind: "end_before_running", outcome } as const;
    return looked(await this.move("end tool call", { toolCallId, reason, event }), toolCallId).call;
  }

  async markUnreachable(toolCallId: string, reason: string): Promise<ToolCall> {
    const moved = await this.move("give up tool call", { toolCallId, reason, event: { kind: "unreachable" } });
    return looked(moved, toolCallId).call;
  }

  async cancelRequested(toolCallId: string): Promise<boolean> {
    const row = await this.database.read("read whether a tool call is to be cancelled", (db) =>
      db
        .selectFrom("tool_calls")
        .innerJoin("runs", "runs.id", "tool_calls.run_id")
        .select("runs.cancel_requested")
        .where("tool_calls.id", "=", toolCallId)
        .executeTakeFirst(),
    );
    return row?.cancel_requested === 1;
  }

  async openOfDaemon(daemonId: string): Promise<readonly ToolCall[]> {
    const rows = await this.database.read("list open tool calls", (db) =>
      db
        .selectFrom("tool_calls")
        .selectAll()
        .where("daemon_id", "=", daemonId)
        // In words and not as parameters, so that Postgres knows the partial index.
        .where(sql<boolean>`state in ('dispatched', 'running')`)
        .orderBy("id")
        .execute(),
    );
    return rows.map(toToolCall);
  }

  private async move(act: string, move: Move): Promise<Moved> {
    const { database } = this;
    const at = database.driver === "postgres" ? moveWholeAtOnce : undefined;
    const moved = at && (await database.single(act, (write) => at(write, move)));
    return moved ?? database.write(act, (write) => moveToolCall(write, move));
  }

  private async daemonMove(act: string, move: Move): Promise<Moved<Pick<ToolCallRow, "state">>> {
    const { database } = this;
    const at = database.driver === "postgres" ? moveSlimAtOnce : undefined;
    const moved = at && (await database.single(act, (write) => at(write, move)));
    return moved ?? database.write(act, (write) => moveToolCall(write, move));
  }
}

function answerOf(moved: Moved<Pick<ToolCallRow, "state">>, forUnknownCall: "withdraw" | "ack"): DaemonAnswer {
  switch (moved.kind) {
    case "fenced":
      return { kind: "fenced" };
    case "unknown_call":
      return { kind: "answer", answer: forUnknownCall };
    case "looked": {
      const { state } = moved.row;
      return {
        kind: "answer",
        answer: moved.transition.answer,
        ...(isOutcome(state) ? { outcome: state } : {}),
      };
    }
  }
}

function looked(moved: Moved, toolCallId: string): { readonly call: ToolCall; readonly changed: boolean } {
  if (moved.kind !== "looked") throw notFound(toolCallId);
  return { call: toToolCall(moved.row), changed: moved.transition.next !== undefined };
}

function notFound(toolCallId: string): ReliantError {
  return new ReliantError("not_found", `tool call ${toolCallId} is not there`);
}
