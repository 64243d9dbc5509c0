import { type Kysely, sql } from "kysely";
import type { CallLook, ToolCalls } from "../tool-calls.ts";
import { defined } from "./columns.ts";
import type { Tables } from "./schema.ts";
import { type ToolCallRow, toToolCall } from "./tool-call-rows.ts";

interface LookRow extends ToolCallRow {
  readonly run_cancel_requested: number;
  readonly at_daemon_id: string;
  /** The daemon's; null where the user has no such daemon. */
  readonly at_epoch: number | null;
  readonly at_connected: number | null;
  readonly at_last_seen_at: number | null;
}

/** A call with its run and its daemon, each by its primary key. Undefined: the user has no such call. */
export async function lookAtCall(
  db: Kysely<Tables>,
  { toolCallId, userId, daemonId }: Parameters<ToolCalls["look"]>[0],
): Promise<CallLook | undefined> {
  const { rows } = await sql<LookRow>`
    select call.*, runs.cancel_requested as run_cancel_requested, coalesce(call.daemon_id, ${daemonId}) as at_daemon_id,
      daemon.epoch as at_epoch, daemon.connected as at_connected, daemon.last_seen_at as at_last_seen_at
    from tool_calls call join runs on runs.id = call.run_id
    left join daemons daemon on daemon.id = coalesce(call.daemon_id, ${daemonId}) and daemon.user_id = call.user_id
    where call.id = ${toolCallId} and call.user_id = ${userId}`.execute(db);
  const [row] = rows;
  return row && { ...daemonOf(row), call: toToolCall(row), cancelRequested: row.run_cancel_requested === 1 };
}

function daemonOf(row: LookRow): Pick<CallLook, "daemonId" | "daemon"> {
  const { at_daemon_id: id, at_epoch: epoch, at_connected: connected, at_last_seen_at: lastSeenAtMs } = row;
  const daemon = epoch === null ? undefined : { id, epoch, connected: connected === 1, ...defined({ lastSeenAtMs }) };
  return { daemonId: id, daemon };
}
