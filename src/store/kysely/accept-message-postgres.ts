import { sql } from "kysely";
import type { UserEvent } from "../../chat/chat-update.ts";
import { ReliantError } from "../../core/errors.ts";
import type { Acceptance, LockedChat } from "./accept-message.ts";
import { type RunRow, toRun } from "./chat-rows.ts";
import type { Write } from "./database.ts";
import { runUpdate } from "./run-ending.ts";

/**
 * All rows of a user's message by one statement: while the machine is busy each trip to the database waits its turn, and
 * somebody waits for the answer. Two statements in all, with a run that begins and without; blocks travel as one parameter.
 */
export async function acceptAtOnce(write: Write, chat: LockedChat, accepted: Acceptance): Promise<void> {
  const { row, began, outboxId } = accepted;
  const { nowMs } = write;
  const updates = began === undefined ? 1 : 2;
  const { rows } = await sql<{ sequence: number; user_sequence: number | null }>`
    with ${began === undefined ? sql`` : beginRun(began)}
    said as (
      insert into messages (id, chat_id, run_id, position, role, state, attempt, created_at)
      values (${row.id}, ${row.chat_id}, ${row.run_id}, ${row.position}, ${row.role}, ${row.state}, ${row.attempt}, ${row.created_at})
    ),
    filled as (
      insert into content_blocks (message_id, idx, kind, body)
      select ${row.id}::text, item.idx, item.kind, item.body
      from json_to_recordset(${blockList(accepted)}::text::json) as item(idx int, kind text, body text)
    ),
    kept as (
      insert into outbox (id, kind, chat_id, created_at) values (${outboxId}, 'wake', ${chat.id}, ${nowMs})
    ),
    numbered as (
      update chats set sequence = sequence + ${updates}::bigint, run_id = ${row.run_id}, updated_at = ${nowMs},
        last_position = ${row.position}, user_position = ${row.position}
      where id = ${chat.id}
      returning id, user_id, sequence
    ),
    noted as (
      insert into chat_updates (chat_id, sequence, message_id)
      select id, sequence - ${updates - 1}::bigint, ${row.id}::text from numbered
    )
    ${began === undefined ? sql`select sequence, null as user_sequence from numbered` : noteRun(began, chat)}`.execute(
    write.db,
  );
  const [numbers] = rows;
  if (numbers === undefined) throw new ReliantError("not_found", `chat ${chat.id} is not there`);
  const { sequence, user_sequence } = numbers;
  write.announce({ kind: "chat_sequence", userId: chat.user_id, chatId: chat.id, sequence });
  if (began === undefined) return;
  if (user_sequence === null) throw new ReliantError("not_found", `user ${chat.user_id} is not there`);
  write.announce({ kind: "user_sequence", userId: chat.user_id, sequence: user_sequence });
}

function beginRun(run: RunRow) {
  return sql`
    began as (
      insert into runs (id, chat_id, state, cancel_requested, model_calls, started_at)
      values (${run.id}, ${run.chat_id}, ${run.state}, ${run.cancel_requested}, ${run.model_calls}, ${run.started_at})
    ),`;
}

/** The run's own number, behind that of the message, and the user's. */
function noteRun(run: RunRow, chat: LockedChat) {
  const update = runUpdate(toRun(run));
  const changed: UserEvent = { kind: "chat_changed", chatId: chat.id };
  return sql`,
    noted_run as (
      insert into chat_updates (chat_id, sequence, event)
      select id, sequence, ${JSON.stringify(update.event)}::text from numbered
    ),
    user_numbered as (
      update users set sequence = users.sequence + 1 where id = ${chat.user_id} returning id, sequence
    ),
    user_noted as (
      insert into user_updates (user_id, sequence, event)
      select id, sequence, ${JSON.stringify(changed)}::text from user_numbered
    )
    select numbered.sequence, user_numbered.sequence as user_sequence
    from numbered left join user_numbered on true`;
}

function blockList({ blocks }: Acceptance): string {
  return JSON.stringify(blocks.map((block, idx) => ({ idx, kind: block.kind, body: JSON.stringify(block) })));
}
