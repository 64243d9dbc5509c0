import { CompiledQuery, type Kysely } from "kysely";
import { HeldUp } from "../../core/batches.ts";
import type { Write } from "./database.ts";
import { arrayText } from "./id-lists.ts";
import type { Looked, Move } from "./ledger.ts";
import type { PlannedStep } from "./ledger-postgres.ts";
import type { Tables } from "./schema.ts";
import type { ToolCallRow } from "./tool-call-rows.ts";

/** An event whose step is known as far as its call is in the state that the event is made for. */
export interface PlannedMove {
  readonly move: Move;
  readonly planned: PlannedStep;
}

/** How the calls of one kind of event are moved by one statement. */
export interface TogetherStatement<Row> {
  /** The same for any number of calls, so that it stays one prepared statement. */
  readonly text: string;
  /** A list each, as one parameter. */
  parametersOf(moves: readonly PlannedMove[]): readonly string[];
  /** The call as it stands. */
  rowOf(moved: Row, planned: PlannedStep): Row;
}

/** Of one that was met in its state. */
interface Met {
  /** Of the move in its batch, from 1. */
  readonly place: number;
  readonly met_chat: string;
  readonly met_user: string;
  /** The chat's last number; null where its row is held by others. */
  readonly sequence: number | null;
}

/**
 * What `moveAtOnce` does, for many calls. It waits for nobody: a call that another transaction holds, or its daemon or its
 * chat, is left out, and so is one that is in another state or whose fence does not hold; of a chat that is held it is told
 * that the chat holds it up. No two of the moves may be of one call; several of one chat take its next numbers in their order.
 *
 * The locks are taken row by row in the order of locks, and each sees the newest committed row (READ COMMITTED). Because
 * none of them is waited for, the order between the rows does not matter.
 */
export async function moveTogether<Row>(
  db: Kysely<Tables>,
  announce: Write["announce"],
  statement: TogetherStatement<Row>,
  moves: readonly PlannedMove[],
): Promise<readonly (Looked<Row> | HeldUp)[]> {
  const compiled: CompiledQuery<Met & Row> = CompiledQuery.raw(statement.text, [...statement.parametersOf(moves)]);
  const { rows } = await db.executeQuery(compiled);
  const byPlace = new Map(rows.map((row) => [row.place, row]));
  return moves.map(({ planned }, index) => {
    const row = byPlace.get(index + 1);
    if (row === undefined) return new HeldUp();
    const { sequence, met_chat: chatId, met_user: userId } = row;
    if (sequence === null) return new HeldUp(chatId);
    announce({ kind: "chat_sequence", userId, chatId, sequence });
    return { kind: "looked", transition: planned.step, row: statement.rowOf(row, planned) };
  });
}

/**
 * The same for those that one chat holds up. It is waited for before anything else is locked; what comes before it in the
 * order of locks is passed over where it is held: no two wait for each other.
 */
export async function moveBehindChat<Row>(
  { db, announce }: Write,
  chatId: string,
  statement: TogetherStatement<Row>,
  moves: readonly PlannedMove[],
): Promise<readonly (Looked<Row> | HeldUp)[]> {
  await db.selectFrom("chats").select("id").where("id", "=", chatId).forNoKeyUpdate().execute();
  return moveTogether(db, announce, statement, moves);
}

/** What daemons say: `moveSlimAtOnce`. */
export const DAEMON_MOVES: TogetherStatement<Pick<ToolCallRow, "state">> = {
  text: textOf({
    items: `select * from unnest($1::text::text[], $2::text::text[], $3::text::bigint[], $4::text::text[],
        $5::text::text[], $6::text::text[], $7::text::text[], $8::text::text[]) with ordinality
      as item(id, daemon_id, epoch, from_state, from_journal, state, journal_id, result, place)`,
    met: `item.*, fence.instance_id`,
    fence: `cross join lateral (
      select daemons.instance_id from daemons
      where daemons.id = item.daemon_id and daemons.epoch = item.epoch for share skip locked) fence`,
    // Not `=`: the planner would search the daemon's open calls, of which thousands may wait for the vacuum.
    expected: `calls.state = item.from_state and calls.journal_id is not distinct from item.from_journal
      and calls.daemon_id is not distinct from item.daemon_id`,
    changes: `state = free.state, journal_id = free.journal_id, result = coalesce(free.result, call.result),
      instance_id = case when free.state = 'running' then free.instance_id else call.instance_id end`,
    columns: "call.id, call.state",
  }),
  parametersOf: (moves) => [
    listOf(moves, ({ move }) => move.toolCallId),
    listOf(moves, ({ move }) => move.fence?.daemonId),
    listOf(moves, ({ move }) => move.fence?.epoch),
    listOf(moves, ({ planned }) => planned.expected.state),
    listOf(moves, ({ planned }) => planned.expected.journalId),
    listOf(moves, ({ planned }) => planned.changes.state),
    listOf(moves, ({ planned }) => planned.changes.journal_id),
    listOf(moves, ({ planned }) => planned.changes.result),
  ],
  rowOf: ({ state }) => ({ state }),
};

/** requested → dispatched: `moveWholeAtOnce`. */
export const DISPATCHES: TogetherStatement<ToolCallRow> = {
  text: textOf({
    items: `select *, 'requested' as from_state, 'dispatched' as state
      from unnest($1::text::text[], $2::text::text[], $3::text::bigint[], $4::text::bigint[]) with ordinality
        as item(id, daemon_id, timeout_ms, deadline_at, place)`,
    met: "item.*",
    fence: "",
    expected: "calls.state = item.from_state and calls.journal_id is null",
    changes: `state = free.state, daemon_id = free.daemon_id, timeout_ms = free.timeout_ms,
      deadline_at = free.deadline_at`,
    columns: "call.*",
  }),
  parametersOf: (moves) => [
    listOf(moves, ({ move }) => move.toolCallId),
    listOf(moves, ({ planned }) => planned.changes.daemon_id),
    listOf(moves, ({ planned }) => planned.changes.timeout_ms),
    listOf(moves, ({ planned }) => planned.changes.deadline_at),
  ],
  rowOf: (row) => row,
};

interface Parts {
  /**
   * The lists as a table `item` with `id`, `daemon_id`, `from_state`, `state` and `place`. The state is compared with that and
   * not with a word: Postgres would take the index of the open calls, which it reads whole to find one by its id.
   */
  readonly items: string;
  readonly met: string;
  /** What is locked before the call. */
  readonly fence: string;
  readonly expected: string;
  readonly changes: string;
  readonly columns: string;
}

/**
 * Row by row by the primary keys, whatever Postgres believes of the tables: a `lateral` around a lock is not turned into a
 * join that reads them whole.
 */
function textOf({ items, met, fence, expected, changes, columns }: Parts): string {
  return `with item as materialized (${items}),
    met as materialized (
      select ${met}, call.chat_id, call.user_id, call.message_id, call.name, chat.id as free_chat
      from item ${fence}
      cross join lateral (
        select calls.chat_id, calls.user_id, calls.message_id, calls.name from tool_calls calls
        where calls.id = item.id and ${expected} for no key update skip locked) call
      left join lateral (
        select chats.id from chats where chats.id = call.chat_id for no key update skip locked) chat on true),
    free as materialized (
      select met.*, row_number() over chat as rank, count(*) over (partition by chat_id) as calls
      from met where free_chat is not null window chat as (partition by chat_id order by place)),
    moved as (
      update tool_calls call set ${changes} from free where call.id = free.id returning ${columns}),
    numbered as (
      update chats set sequence = chats.sequence + free.calls from free where chats.id = free.chat_id and free.rank = 1
      returning chats.id, chats.sequence),
    noted as (
      insert into chat_updates (chat_id, sequence, event)
      select numbered.id, numbered.sequence - free.calls + free.rank, json_strip_nulls(json_build_object(
        'kind', 'tool_call', 'toolCallId', free.id, 'messageId', free.message_id, 'name', free.name,
        'state', free.state, 'daemonId', free.daemon_id))::text
      from free join numbered on numbered.id = free.chat_id)
    select met.place, met.chat_id as met_chat, met.user_id as met_user, numbered.sequence, moved.*
    from met left join numbered on numbered.id = met.free_chat left join moved on moved.id = met.id`;
}

function listOf(
  moves: readonly PlannedMove[],
  cellOf: (move: PlannedMove) => string | number | null | undefined,
): string {
  return arrayText(moves.map((each) => cellOf(each)?.toString() ?? null));
}
