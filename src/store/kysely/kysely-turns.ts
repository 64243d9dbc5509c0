import { sql } from "kysely";
import { decide } from "../../chat/agent-loop.ts";
import type { LiveBlock } from "../../chat/chat-update.ts";
import type { LoopView } from "../../chat/loop-view.ts";
import type { Run, Usage } from "../../chat/message.ts";
import { isOutcome } from "../../chat/tool-call.ts";
import { ReliantError } from "../../core/errors.ts";
import { newId } from "../../core/ids.ts";
import type { AnswerFence, BeginAnswer, Turns } from "../turns.ts";
import { beginAnswer, readBegun } from "./begin-answer.ts";
import { findChatOf, lockChat, viewOf } from "./chat-lock.ts";
import { checkBlocks } from "./check-sizes.ts";
import type { Database, Write } from "./database.ts";
import { readLoopView } from "./loop-view-query.ts";
import { noteAttempt, noteUsage } from "./note-attempt.ts";
import { type NewChatUpdate, numberChatUpdates, numberUserUpdate } from "./numbers.ts";
import { endRunRow, type RunEnd, runChanges, runUpdate, startRun } from "./run-ending.ts";
import { type AnswerEnd, settleAnswer, settleInterrupted } from "./settle-answer.ts";

/** The loop's steps over the database. Each takes the chat's lock, writes, looks, and takes the numbers last. */
export class KyselyTurns implements Turns {
  constructor(private readonly database: Database) {}

  async view(chatId: string): Promise<LoopView> {
    const view = await this.database.read("look at chat", (db) => readLoopView(db, chatId));
    if (view === undefined) throw new ReliantError("not_found", `look at chat ${chatId}: it is not there`);
    return view;
  }

  async beginAnswer(answer: Parameters<Turns["beginAnswer"]>[0]): Promise<BeginAnswer> {
    const { database } = this;
    const begun = await database.write("begin answer", (write) => beginAnswer(write, answer));
    if (begun.kind === "settled") return begun;
    // What stands before the answer's position does not change any more: it is read without the chat's lock.
    return database.read("read transcript", (db) => readBegun(db, database.driver, begun));
  }

  saveLiveBlocks(fence: AnswerFence, blocks: readonly LiveBlock[], usage?: Usage) {
    return this.database.write("store live text", async (write) => {
      const row = await write.db
        .selectFrom("messages")
        .innerJoin("runs", "runs.id", "messages.run_id")
        .select(["messages.attempt", "messages.state", "runs.cancel_requested"])
        .where("messages.id", "=", fence.messageId)
        .$if(write.driver === "postgres", (query) => query.forShare("messages"))
        .executeTakeFirst();
      const held = row?.attempt === fence.attempt && row.state === "open";
      if (held) await upsertLiveBlocks(write, fence, blocks);
      if (held && usage !== undefined) await noteUsage(write, fence, usage);
      return { held, cancelRequested: row?.cancel_requested === 1 };
    });
  }

  async noteAttempt(fence: AnswerFence, note: Parameters<Turns["noteAttempt"]>[1]): Promise<void> {
    await this.database.write("note attempt", (write) => noteAttempt(write, fence, note));
  }

  completeAnswer(fence: AnswerFence, answer: AnswerEnd): Promise<LoopView | undefined> {
    checkBlocks(fence.messageId, answer.blocks);
    return this.database.write("complete answer", async (write) => {
      const chat = await findChatOf(write, "messages", fence.messageId);
      if (chat === undefined) return undefined;
      const updates = await settleAnswer(write, chat, fence, answer);
      if (updates === undefined) return undefined;
      return this.finish(write, chat.user_id, chat.id, updates);
    });
  }

  deliverResult(toolCallId: string): Promise<LoopView> {
    return this.database.write("deliver tool result", async (write) => {
      const { db } = write;
      const call = await db
        .selectFrom("tool_calls")
        .select(["id", "chat_id", "run_id", "state", "delivered"])
        .where("id", "=", toolCallId)
        .$if(write.driver === "postgres", (query) => query.forNoKeyUpdate())
        .executeTakeFirst();
      if (call === undefined) throw new ReliantError("not_found", `tool call ${toolCallId} is not there`);
      if (!isOutcome(call.state)) {
        throw new ReliantError("failed_precondition", `deliver tool result: ${toolCallId} is still ${call.state}`);
      }
      const chat = await lockChat(write, call.chat_id);
      if (call.delivered === 1) return viewOf(write, chat.id);
      const messageId = newId("msg");
      const position = chat.last_position + 1;
      await db.updateTable("tool_calls").set({ delivered: 1 }).where("id", "=", call.id).execute();
      await db
        .insertInto("messages")
        .values({
          ...{ id: messageId, chat_id: chat.id, run_id: call.run_id, position, role: "tool", state: "complete" },
          ...{ model: null, usage: null, error: null, attempt: 0, created_at: write.nowMs },
        })
        .execute();
      await db
        .insertInto("content_blocks")
        .values({ message_id: messageId, idx: 0, kind: "tool_result", tool_call_id: call.id, body: null })
        .execute();
      await db.deleteFrom("live_outputs").where("tool_call_id", "=", call.id).execute();
      const view = await viewOf(write, chat.id);
      await numberChatUpdates(write, chat.id, [{ kind: "message", messageId }], { last_position: position });
      return view;
    });
  }

  endRun(end: RunEnd): Promise<LoopView> {
    return this.database.write("end run", async (write) => {
      const chat = await findChatOf(write, "runs", end.runId);
      if (chat === undefined) throw new ReliantError("not_found", `run ${end.runId} is not there`);
      const view = await viewOf(write, chat.id);
      if (view.run?.id !== end.runId) return view;
      if (end.outcome === "succeeded") return this.finish(write, chat.user_id, chat.id, []);
      const updates = await settleInterrupted(write, view, end);
      const ended = await endRunRow(write, end);
      const next = await this.runForLaterMessages(write, chat.id, end.runId, chat.user_position);
      await numberChatUpdates(
        write,
        chat.id,
        [...updates, ...(ended === undefined ? [] : [ended]), ...(next === undefined ? [] : [runUpdate(next)])],
        next === undefined ? { updated_at: write.nowMs } : runChanges(next),
      );
      await numberUserUpdate(write, chat.user_id, { kind: "chat_changed", chatId: chat.id });
      return viewOf(write, chat.id);
    });
  }

  async chatsUnderWay(limit: number): Promise<readonly string[]> {
    const rows = await this.database.read("list chats under way", (db) =>
      db
        .selectFrom("runs")
        .select("chat_id")
        .where(sql<boolean>`state = 'running'`)
        .orderBy("started_at")
        .orderBy("chat_id")
        .limit(limit)
        .execute(),
    );
    return rows.map(({ chat_id }) => chat_id);
  }

  /** Numbers the changes, and ends the run as succeeded where nothing is left to do. */
  private async finish(
    write: Write,
    userId: string,
    chatId: string,
    updates: readonly NewChatUpdate[],
  ): Promise<LoopView> {
    const view = await viewOf(write, chatId);
    const decision = decide(view);
    if (decision.kind !== "end_run" || decision.outcome !== "succeeded") {
      await numberChatUpdates(write, chatId, updates);
      return view;
    }
    const { kind: _, ...end } = decision;
    const ended = await endRunRow(write, end);
    await numberChatUpdates(write, chatId, [...updates, ...(ended === undefined ? [] : [ended])], {
      updated_at: write.nowMs,
    });
    await numberUserUpdate(write, userId, { kind: "chat_changed", chatId });
    // A run succeeds where nothing is unanswered, and no other one is under way.
    return { chatId, unanswered: view.unanswered };
  }

  /**
   * What a user wrote after the answer that failed, or after asking for the cancel, is not lost with the run that ends:
   * it gets a run of its own.
   */
  private async runForLaterMessages(
    write: Write,
    chatId: string,
    endedRunId: string,
    userPosition: number,
  ): Promise<Run | undefined> {
    const ended = await write.db
      .selectFrom("runs")
      .leftJoin("messages", "messages.id", "runs.answer_id")
      .select(["runs.cancel_position", "messages.position"])
      .where("runs.id", "=", endedRunId)
      .executeTakeFirst();
    const taken = ended?.cancel_position ?? ended?.position;
    if (taken === undefined || taken === null || userPosition <= taken) return undefined;
    return startRun(write, chatId);
  }
}

async function upsertLiveBlocks(write: Write, fence: AnswerFence, blocks: readonly LiveBlock[]): Promise<void> {
  if (blocks.length === 0) return;
  await write.db
    .insertInto("live_blocks")
    .values(
      blocks.map((block) => ({
        message_id: fence.messageId,
        idx: block.blockIndex,
        chat_id: block.chatId,
        attempt: fence.attempt,
        body: JSON.stringify({ ...block, messageId: fence.messageId, attempt: fence.attempt }),
      })),
    )
    .onConflict((conflict) =>
      conflict.columns(["message_id", "idx"]).doUpdateSet((builder) => ({
        attempt: builder.ref("excluded.attempt"),
        body: builder.ref("excluded.body"),
      })),
    )
    .execute();
}
