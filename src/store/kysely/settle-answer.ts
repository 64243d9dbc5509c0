import type { LiveBlock } from "../../chat/chat-update.ts";
import type { LoopView } from "../../chat/loop-view.ts";
import type { ContentBlock, Failure, Usage } from "../../chat/message.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { AnswerFence } from "../turns.ts";
import type { ChatRow } from "./chat-rows.ts";
import { plainText, readJson, writeJson } from "./columns.ts";
import type { Write } from "./database.ts";
import { insertBlocks } from "./message-rows.ts";
import type { NewChatUpdate } from "./numbers.ts";
import type { RunEnd } from "./run-ending.ts";
import { type ToolCallRow, toolCallUpdate } from "./tool-call-rows.ts";

export interface AnswerEnd {
  readonly state: "complete" | "interrupted" | "failed";
  readonly blocks: readonly ContentBlock[];
  readonly usage?: Usage;
  readonly error?: Failure;
}

/**
 * Writes the answer as it stays, with the chat locked. Answers the changes to number; undefined where the fence is
 * lost. Only a complete answer's tool calls go into the ledger: those of one that was cut off are never run.
 */
export async function settleAnswer(
  write: Write,
  chat: ChatRow,
  fence: AnswerFence,
  answer: AnswerEnd,
): Promise<readonly NewChatUpdate[] | undefined> {
  const { db, nowMs } = write;
  const message = await db
    .updateTable("messages")
    .set({ state: answer.state, usage: writeJson(answer.usage), error: writeJson(answer.error) })
    .where("id", "=", fence.messageId)
    .where("attempt", "=", fence.attempt)
    .where("state", "=", "open")
    .returning("run_id")
    .executeTakeFirst();
  if (message === undefined) return undefined;
  const calls = answer.state === "complete" ? toolCallRows(write, chat, fence.messageId, message.run_id, answer) : [];
  if (calls.length > 0) await db.insertInto("tool_calls").values(calls).execute();
  await insertBlocks(db, fence.messageId, answer.blocks);
  await db.deleteFrom("live_blocks").where("message_id", "=", fence.messageId).execute();
  await db
    .updateTable("model_attempts")
    .set({
      // What was noted on the way stands where nobody knows more.
      ...(answer.usage === undefined ? {} : { usage: writeJson(answer.usage) }),
      ...{ error: writeJson(answer.error), ended_at: nowMs },
    })
    .where("message_id", "=", fence.messageId)
    .where("attempt", "=", fence.attempt)
    .where("ended_at", "is", null)
    .execute();
  return [{ kind: "message", messageId: fence.messageId }, ...calls.map((call) => toolCallUpdate(call, "requested"))];
}

/** An answer whose run ends while it is open: what had come of it is kept. */
export async function settleInterrupted(write: Write, view: LoopView, end: RunEnd): Promise<readonly NewChatUpdate[]> {
  const { answer } = view;
  if (answer?.state !== "open") return [];
  const rows = await write.db
    .selectFrom("live_blocks")
    .select("body")
    .where("message_id", "=", answer.messageId)
    .orderBy("idx")
    .execute();
  const blocks = rows.flatMap(({ body }) => toContent(readJson<LiveBlock>(body)));
  await insertBlocks(write.db, answer.messageId, blocks);
  await write.db.deleteFrom("live_blocks").where("message_id", "=", answer.messageId).execute();
  await write.db
    .updateTable("messages")
    .set({ state: end.outcome === "cancelled" ? "interrupted" : "failed", error: writeJson(end.error) })
    .where("id", "=", answer.messageId)
    .execute();
  return [{ kind: "message", messageId: answer.messageId }];
}

function toContent(block: LiveBlock): ContentBlock[] {
  return block.blockKind === "tool_input" ? [] : [{ kind: block.blockKind, text: block.text }];
}

function toolCallRows(
  write: Write,
  chat: ChatRow,
  messageId: string,
  runId: string,
  answer: AnswerEnd,
): readonly ToolCallRow[] {
  const blocks = answer.blocks.filter((block) => block.kind === "tool_call");
  if (blocks.length > LIMITS.toolCallsPerMessage) {
    throw new ReliantError(
      "resource_exhausted",
      `store message ${messageId}: ${blocks.length} tool calls, at most ${LIMITS.toolCallsPerMessage} are taken`,
    );
  }
  return blocks.map((block, index) => ({
    ...{ id: block.toolCallId, chat_id: chat.id, user_id: chat.user_id, run_id: runId, message_id: messageId },
    ...{ idx: index, name: plainText(block.name), input: JSON.stringify(block.input), state: "requested" },
    ...{ daemon_id: null, journal_id: null, instance_id: null, result: null, evidence: null, delivered: 0 },
    ...{ timeout_ms: null, deadline_at: null, created_at: write.nowMs },
  }));
}
