import { sql } from "kysely";
import type { Run } from "../../chat/message.ts";
import type { ToolCall } from "../../chat/tool-call.ts";
import { transition } from "../../chat/transitions.ts";
import { ReliantError } from "../../core/errors.ts";
import { lockChatOf } from "./chat-lock.ts";
import { toRun } from "./chat-rows.ts";
import { LookAgain, type Write } from "./database.ts";
import { changesOf, compareAndSet, type Move } from "./ledger.ts";
import { type NewChatUpdate, numberChatUpdates } from "./numbers.ts";
import { addToOutbox } from "./outbox-rows.ts";
import { runUpdate } from "./run-ending.ts";
import { type ToolCallRow, toolCallUpdate, toToolCall } from "./tool-call-rows.ts";

interface CancelAnswer {
  readonly run?: Run;
  readonly running: readonly ToolCall[];
  readonly outboxId?: string;
}

const REASON = "Cancelled by the user before it was started.";

/**
 * Locks the newest run's open calls, then the chat; where a call came in between, it begins again. A run that has ended
 * beside its open calls (a step of one of them was refused for good) is not cancelled any more, but they are.
 */
export async function requestCancel(write: Write, userId: string, chatId: string): Promise<CancelAnswer> {
  const { db } = write;
  const seen = await db
    .selectFrom("chats")
    .select("run_id")
    .where("id", "=", chatId)
    .where("user_id", "=", userId)
    .executeTakeFirst();
  if (seen === undefined) throw new ReliantError("not_found", `chat ${chatId} is not there`);
  const calls = seen.run_id === null ? [] : await openCalls(write, seen.run_id);
  const chat = await lockChatOf(write, userId, chatId);
  if (chat.run_id !== seen.run_id) throw new LookAgain();
  const row = await db
    .selectFrom("runs")
    .selectAll()
    .where("id", "=", chat.run_id ?? "")
    .executeTakeFirst();
  const underWay = row?.state === "running";
  if (row === undefined || !(underWay || calls.length > 0)) return { running: [] };
  if ((await countOpenCalls(write, row.id)) > calls.length) throw new LookAgain();

  const updates: NewChatUpdate[] = [];
  for (const call of calls) updates.push(...(await endCall(write, call)));
  const run = toRun({ ...row, cancel_requested: 1 });
  if (row.cancel_requested === 0) {
    await db
      .updateTable("runs")
      .set({ cancel_requested: 1, cancel_position: chat.last_position })
      .where("id", "=", row.id)
      .execute();
    if (underWay) updates.push(runUpdate(run));
  }
  const outboxId = await addToOutbox(write, "cancel", chatId);
  await numberChatUpdates(write, chatId, updates);
  return {
    ...(underWay ? { run } : {}),
    running: calls.filter(({ state }) => state === "running").map(toToolCall),
    outboxId,
  };
}

async function endCall(write: Write, call: ToolCallRow): Promise<readonly NewChatUpdate[]> {
  const move: Move = {
    toolCallId: call.id,
    event: { kind: "end_before_running", outcome: "cancelled" },
    reason: REASON,
  };
  const { next } = transition({ state: call.state, journalId: call.journal_id ?? undefined }, move.event);
  if (next === undefined) return [];
  await compareAndSet(write, call, changesOf(move, next));
  return [toolCallUpdate(call, next.state)];
}

function openCalls(write: Write, runId: string): Promise<ToolCallRow[]> {
  return write.db
    .selectFrom("tool_calls")
    .selectAll()
    .where("run_id", "=", runId)
    .where(sql<boolean>`state in ('requested', 'dispatched', 'running')`)
    .orderBy("id")
    .$if(write.driver === "postgres", (query) => query.forNoKeyUpdate())
    .execute();
}

async function countOpenCalls(write: Write, runId: string): Promise<number> {
  const { count } = await write.db
    .selectFrom("tool_calls")
    .select((builder) => builder.fn.countAll<number>().as("count"))
    .where("run_id", "=", runId)
    .where(sql<boolean>`state in ('requested', 'dispatched', 'running')`)
    .executeTakeFirstOrThrow();
  return count;
}
