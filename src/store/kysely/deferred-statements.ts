import { sql } from "kysely";
import type { ToolOutputChunk } from "../../chat/chat-update.ts";
import { LIMITS } from "../../core/limits.ts";
import type { DaemonFence } from "../daemons.ts";
import type { DeferredWrite } from "../deferred-writes.ts";
import type { Database, Write } from "./database.ts";
import { fenceTable, idList } from "./id-lists.ts";

/** Writes a batch of the write queue: last-seen in one statement for each moment, live output in one. */
export async function writeDeferred(database: Database, writes: readonly DeferredWrite[]): Promise<void> {
  const touches = writes.filter((write) => write.kind === "touch");
  const chunks = writes.flatMap((write) => (write.kind === "live_output" ? [write.chunk] : []));
  for (const [nowMs, group] of Map.groupBy(touches, (write) => write.nowMs)) {
    const fences = group.map(({ fence }) => fence);
    await database.write("note daemons as seen", (write) => touch(write, fences, nowMs));
  }
  for (let at = 0; at < chunks.length; at += LIMITS.writeQueueBatch) {
    const batch = chunks.slice(at, at + LIMITS.writeQueueBatch);
    await database.write("store live output", (write) => saveLiveOutputs(write, batch));
  }
}

async function touch({ db, driver }: Write, fences: readonly DaemonFence[], nowMs: number): Promise<void> {
  await sql`
    update daemons set last_seen_at = ${nowMs} from ${fenceTable(driver, fences)}
    where daemons.id = fence.id and daemons.epoch = fence.epoch
      and coalesce(daemons.last_seen_at, 0) < ${nowMs}`.execute(db);
}

/** Only of calls that run; who reads asks for that, too, because a call may end while this is written. */
async function saveLiveOutputs({ db, driver }: Write, chunks: readonly ToolOutputChunk[]): Promise<void> {
  const running = await db
    .selectFrom("tool_calls")
    .select("id")
    .where(
      "id",
      "in",
      idList(
        driver,
        chunks.map(({ toolCallId }) => toolCallId),
      ),
    )
    .where("state", "=", "running")
    .execute();
  const ids = new Set(running.map(({ id }) => id));
  const rows = chunks
    .filter(({ toolCallId }) => ids.has(toolCallId))
    .map((chunk) => ({ tool_call_id: chunk.toolCallId, chat_id: chunk.chatId, body: JSON.stringify(chunk) }));
  if (rows.length === 0) return;
  await db
    .insertInto("live_outputs")
    .values(rows)
    .onConflict((conflict) =>
      conflict.column("tool_call_id").doUpdateSet((builder) => ({ body: builder.ref("excluded.body") })),
    )
    .execute();
}
