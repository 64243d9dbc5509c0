import { CompiledQuery } from "kysely";
import { endsUnstarted, type LedgerEvent, type LedgerState, transition } from "../../chat/transitions.ts";
import type { SingleWrite } from "./database.ts";
import { changesOf, type Looked, type Move } from "./ledger.ts";
import type { ToolCallRow } from "./tool-call-rows.ts";

/** What a gateway needs of a call's row. The input and the result, which may be large, stay where they are. */
type SlimRow = Pick<ToolCallRow, "id" | "chat_id" | "user_id" | "message_id" | "name" | "state" | "daemon_id">;
const SLIM_COLUMNS = "call.id, call.chat_id, call.user_id, call.message_id, call.name, call.state, call.daemon_id";

/** {@link moveAtOnce} for a daemon's event. */
export function moveSlimAtOnce(write: SingleWrite, move: Move) {
  return moveAtOnce<SlimRow>(write, move, SLIM_COLUMNS);
}

/** {@link moveAtOnce} for a worker's event, with the whole row. */
export function moveWholeAtOnce(write: SingleWrite, move: Move) {
  return moveAtOnce<ToolCallRow>(write, move, "call.*");
}

/**
 * The ledger's hot path in Postgres: where the call is in the state that the event is made for, the daemon's lock, the
 * compare-and-set, the chat's number and its update are one statement, one round trip and one commit. Undefined where
 * the call is not in that state or the fence does not hold: nothing was written, and `moveToolCall` finds out.
 *
 * The parts run in the order in which they need each other: `fence` before the call's row is locked, the chat's row
 * after it. Each lock sees the newest committed row, whatever the statement's snapshot says (READ COMMITTED).
 */
async function moveAtOnce<Row extends SlimRow>(
  { db, announce, nowMs }: SingleWrite,
  move: Move,
  columns: string,
): Promise<Looked<Row> | undefined> {
  const expected = expectedState(move.event);
  if (expected === undefined) return undefined;
  const step = transition(expected, move.event);
  if (step.next === undefined) return undefined;
  const statement = statementOf<Row>(move, expected, changesOf(move, step.next), columns, nowMs);
  const { rows } = await db.executeQuery(statement);
  const [row] = rows;
  if (row === undefined) return undefined;
  announce({ kind: "chat_sequence", userId: row.user_id, chatId: row.chat_id, sequence: row.sequence });
  return { kind: "looked", transition: step, row };
}

/** The state in which an event finds its call when nothing went wrong. */
function expectedState(event: LedgerEvent): LedgerState | undefined {
  switch (event.kind) {
    case "dispatch":
    case "start_here":
      return { state: "requested", journalId: undefined };
    case "ready":
      return { state: "dispatched", journalId: undefined };
    case "result":
      // That nothing ran may be said by another process than the one that was granted the call.
      if (endsUnstarted(event.ending)) return undefined;
      return { state: "running", journalId: event.journalId };
    default:
      return undefined;
  }
}

/** By hand and not through Kysely's builder: its compiling takes as long as Postgres does with the statement. */
function statementOf<Row>(
  move: Move,
  expected: LedgerState,
  changes: Partial<ToolCallRow>,
  columns: string,
  nowMs: number,
): CompiledQuery<Row & { readonly sequence: number }> {
  const parameters: unknown[] = [];
  const bind = (value: unknown) => `$${parameters.push(value)}`;
  const { fence } = move;
  const assignments = Object.entries(changes).map(([column, value]) => `${column} = ${bind(value)}`);
  const conditions = [`call.id = ${bind(move.toolCallId)}`, `call.state = ${bind(expected.state)}`];
  conditions.push(
    expected.journalId === undefined ? "call.journal_id is null" : `call.journal_id = ${bind(expected.journalId)}`,
  );
  let lock = "";
  if (fence !== undefined) {
    const daemonId = bind(fence.daemonId);
    lock = `fence as materialized (
      select instance_id from daemons where id = ${daemonId} and epoch = ${bind(fence.epoch)} for share),`;
    if (move.event.kind === "ready") {
      // Granted to the process that holds the epoch; its time begins now (`runsUntil`).
      assignments.push("instance_id = (select instance_id from fence)");
      assignments.push(`deadline_at = greatest(call.deadline_at, ${bind(nowMs)}::bigint + call.timeout_ms)`);
    }
    // Not `=`: the planner would search the daemon's open calls, of which thousands may wait for the vacuum.
    conditions.push(`call.daemon_id is not distinct from ${daemonId}`, "exists (select 1 from fence)");
  }
  const text = `with ${lock}
    moved as (
      update tool_calls call set ${assignments.join(", ")} where ${conditions.join(" and ")} returning ${columns}),
    numbered as (
      update chats set sequence = sequence + 1 where id = (select chat_id from moved) returning id, sequence),
    noted as (
      insert into chat_updates (chat_id, sequence, event)
      select numbered.id, numbered.sequence, json_strip_nulls(json_build_object(
        'kind', 'tool_call', 'toolCallId', moved.id, 'messageId', moved.message_id, 'name', moved.name,
        'state', moved.state, 'daemonId', moved.daemon_id))::text
      from moved, numbered)
    select moved.*, numbered.sequence from moved, numbered`;
  return CompiledQuery.raw(text, parameters);
}
