import { sql } from "kysely";
import type { ToolOutputChunk } from "../../chat/chat-update.ts";
import { LIMITS } from "../../core/limits.ts";
import type { DaemonFence } from "../daemons.ts";
import type { DeferredWrite } from "../deferred-writes.ts";
import type { Database, Driver, Write } from "./database.ts";
import { fenceTable, idList } from "./id-lists.ts";

/** Writes a batch of the write queue: last-seen in some statements for each moment, live output in one. */
export async function writeDeferred(database: Database, writes: readonly DeferredWrite[]): Promise<void> {
  const touches = writes.filter((write) => write.kind === "touch");
  const chunks = writes.flatMap((write) => (write.kind === "live_output" ? [write.chunk] : []));
  for (const [nowMs, group] of Map.groupBy(touches, (write) => write.nowMs)) {
    const fences = group.map(({ fence }) => fence);
    for (let at = 0; at < fences.length; at += LIMITS.storeTouchBatch) {
      const batch = fences.slice(at, at + LIMITS.storeTouchBatch);
      await database.write("note daemons as seen", (write) => touch(write, batch, nowMs));
    }
  }
  for (let at = 0; at < chunks.length; at += LIMITS.writeQueueBatch) {
    const batch = chunks.slice(at, at + LIMITS.writeQueueBatch);
    await database.write("store live output", (write) => saveLiveOutputs(write, batch));
  }
}

/**
 * Rows that another transaction holds are passed over: whoever waited for one would hold the others meanwhile, whose
 * daemons' calls would stand still. The next heartbeat notes them; a daemon is offline after four that did not.
 */
async function touch({ db, driver }: Write, fences: readonly DaemonFence[], nowMs: number): Promise<void> {
  const ids = fences.map(({ daemonId }) => daemonId);
  const free = sql`with free as (
    select daemons.id from daemons where daemons.id in ${idList(driver, ids)} for no key update skip locked)`;
  const isFree = sql`and daemons.id in (select free.id from free)`;
  await sql`
    ${driver === "postgres" ? free : sql``}
    update daemons set last_seen_at = ${nowMs} from ${fenceTable(driver, fences)}
    where daemons.id = fence.id and daemons.epoch = fence.epoch
      and coalesce(daemons.last_seen_at, 0) < ${nowMs} ${driver === "postgres" ? isFree : sql``}`.execute(db);
}

/**
 * Only of calls that run; who reads asks for that, too, because a call may end while this is written. One statement for
 * any number of chunks: Postgres keeps each one that is prepared for as long as the session lives.
 */
async function saveLiveOutputs({ db, driver }: Write, chunks: readonly ToolOutputChunk[]): Promise<void> {
  await sql`
    insert into live_outputs (tool_call_id, chat_id, body)
    select call.id, call.chat_id, output.body
    from ${bodyTable(driver, chunks)} join tool_calls call on call.id = output.id
    where call.state = 'running'
    on conflict (tool_call_id) do update set body = excluded.body`.execute(db);
}

/** Chunks as a table `output(id, body)`. */
function bodyTable(driver: Driver, chunks: readonly ToolOutputChunk[]) {
  const list = JSON.stringify(chunks.map((chunk) => ({ id: chunk.toolCallId, body: JSON.stringify(chunk) })));
  return driver === "postgres"
    ? sql`json_to_recordset(${list}::text::json) as output(id text, body text)`
    : sql`(select value ->> 'id' as id, value ->> 'body' as body from json_each(${list})) as output`;
}
