import type { Kysely, Selectable } from "kysely";
import type { ContentBlock, Failure, Message, ToolResult, Usage } from "../../chat/message.ts";
import { isOutcome } from "../../chat/tool-call.ts";
import { ReliantError } from "../../core/errors.ts";
import { defined, readJson, readOptionalJson } from "./columns.ts";
import type { Driver } from "./database.ts";
import { idList } from "./id-lists.ts";
import type { Tables } from "./schema.ts";

export type MessageRow = Selectable<Tables["messages"]>;

/** The rows as messages, with their blocks: one query for all of them. */
export async function toMessages(
  db: Kysely<Tables>,
  driver: Driver,
  rows: readonly MessageRow[],
): Promise<readonly Message[]> {
  if (rows.length === 0) return [];
  const blockRows = await db
    .selectFrom("content_blocks")
    .leftJoin("tool_calls", (join) =>
      join.onRef("tool_calls.id", "=", "content_blocks.tool_call_id").on("content_blocks.body", "is", null),
    )
    .select(["content_blocks.message_id", "content_blocks.body", "tool_calls.id", "tool_calls.state"])
    .select("tool_calls.result")
    .where(
      "content_blocks.message_id",
      "in",
      idList(
        driver,
        rows.map(({ id }) => id),
      ),
    )
    .orderBy("content_blocks.message_id")
    .orderBy("content_blocks.idx")
    .execute();
  const blocks = Map.groupBy(blockRows, (row) => row.message_id);
  return rows.map((row) => toMessage(row, (blocks.get(row.id) ?? []).map(toBlock)));
}

export function toMessage(row: MessageRow, blocks: readonly ContentBlock[]): Message {
  return {
    id: row.id,
    chatId: row.chat_id,
    position: row.position,
    role: row.role,
    state: row.state,
    blocks,
    createdAtMs: row.created_at,
    ...defined({
      model: row.model,
      usage: readOptionalJson<Usage>(row.usage),
      error: readOptionalJson<Failure>(row.error),
    }),
  };
}

/** A block; that of a tool's result is read from the ledger, where an outcome does not change. */
function toBlock(row: {
  readonly body: string | null;
  readonly id: string | null;
  readonly state: Tables["tool_calls"]["state"] | null;
  readonly result: string | null;
}): ContentBlock {
  if (row.body !== null) return readJson<ContentBlock>(row.body);
  const { id, state, result } = row;
  if (id === null || state === null || result === null || !isOutcome(state)) {
    throw new ReliantError("internal", `read a tool's result: the ledger has no outcome of ${id ?? "the call"}`);
  }
  return { kind: "tool_result", toolCallId: id, outcome: state, result: readJson<ToolResult>(result) };
}

/** Writes the blocks of a message; a tool's result by reference. */
export async function insertBlocks(
  db: Kysely<Tables>,
  messageId: string,
  blocks: readonly ContentBlock[],
): Promise<void> {
  if (blocks.length === 0) return;
  await db
    .insertInto("content_blocks")
    .values(
      blocks.map((block, index) => ({
        message_id: messageId,
        idx: index,
        kind: block.kind,
        tool_call_id: block.kind === "tool_result" ? block.toolCallId : null,
        body: block.kind === "tool_result" ? null : JSON.stringify(block),
      })),
    )
    .execute();
}
