import postgres from "postgres";

/**
 * Fills a chat that has one user's message and one answer, both with a block, with more of them, by bare SQL: as many as
 * asked for, half of the user and half of the model, numbered as the store would. The chat must be at rest.
 */
export async function fillChat(databaseUrl: string, chatId: string, messages: number): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const [chat] = await sql`select last_position, sequence, run_id from chats where id = ${chatId}`;
    const [from, sequence] = [Number(chat?.last_position ?? 0), Number(chat?.sequence ?? 0)];
    const count = messages - from;
    if (count <= 0) return;
    const numbers = sql`select n, ${from} + n as position, ${chatId} || '_' || n as id from generate_series(1, ${count}::int) n`;
    await sql`insert into messages (id, chat_id, run_id, position, role, state, model, attempt, created_at)
      select replace(id, 'chat_', 'msg_'), ${chatId}, ${chat?.run_id ?? ""}, position,
        case when position % 2 = 1 then 'user' else 'assistant' end, 'complete', null, 1, 0 from (${numbers}) n`;
    await sql`insert into content_blocks (message_id, idx, kind, body)
      select replace(id, 'chat_', 'msg_'), 0, 'text',
        json_build_object('kind', 'text', 'text', 'Message ' || position || repeat(' of the conversation', 20))::text
      from (${numbers}) n`;
    await sql`insert into chat_updates (chat_id, sequence, message_id)
      select ${chatId}, ${sequence} + n, replace(id, 'chat_', 'msg_') from (${numbers}) n`;
    await sql`update chats set last_position = ${messages}, sequence = ${sequence + count},
      user_position = ${messages - 1}, answer_position = ${messages} where id = ${chatId}`;
    await sql`vacuum analyze`;
  } finally {
    await sql.end({ timeout: 2 });
  }
}

/** Other people's chats: so many, of ten messages each. Postgres reads a small table whole, which a real one never is. */
export async function fillOthers(databaseUrl: string, userId: string, chats: number): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const numbers = sql`generate_series(1, ${chats}::int) n`;
    await sql`insert into chats (id, user_id, title, model, sequence, last_position, user_position, answer_position, run_id,
        created_at, updated_at)
      select 'chat_other_' || n, ${userId}, 'other', 'scripted/bench', 10, 10, 9, 10, 'run_other_' || n, n, n from ${numbers}`;
    await sql`insert into runs (id, chat_id, state, started_at, ended_at)
      select 'run_other_' || n, 'chat_other_' || n, 'succeeded', n, n from ${numbers}`;
    const messages = sql`${numbers}, generate_series(1, 10) m`;
    await sql`insert into messages (id, chat_id, run_id, position, role, state, attempt, created_at)
      select 'msg_other_' || n || '_' || m, 'chat_other_' || n, 'run_other_' || n, m,
        case when m % 2 = 1 then 'user' else 'assistant' end, 'complete', 1, n from ${messages}`;
    await sql`insert into content_blocks (message_id, idx, kind, body)
      select 'msg_other_' || n || '_' || m, 0, 'text',
        json_build_object('kind', 'text', 'text', repeat('other ', 20))::text from ${messages}`;
    await sql`insert into model_attempts (message_id, attempt, run_id, started_at, ended_at)
      select 'msg_other_' || n || '_' || m, 1, 'run_other_' || n, n, n from ${messages} where m % 2 = 0`;
    await sql`insert into chat_updates (chat_id, sequence, message_id)
      select 'chat_other_' || n, m, 'msg_other_' || n || '_' || m from ${messages}`;
    await sql`insert into users (id, issuer, subject, created_at)
      select 'usr_other_' || n, 'other', 'other ' || n, n from ${numbers}`;
    await sql`vacuum analyze`;
  } finally {
    await sql.end({ timeout: 2 });
  }
}

/** Bytes of one chat's rows, by table. */
export async function chatBytes(databaseUrl: string, chatId: string): Promise<number> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const [row] = await sql`select
      (select coalesce(sum(pg_column_size(m.*)), 0) from messages m where chat_id = ${chatId}) +
      (select coalesce(sum(pg_column_size(b.*)), 0) from content_blocks b join messages m on m.id = b.message_id
        where m.chat_id = ${chatId}) +
      (select coalesce(sum(pg_column_size(u.*)), 0) from chat_updates u where chat_id = ${chatId}) +
      (select coalesce(sum(pg_column_size(t.*)), 0) from tool_calls t where chat_id = ${chatId}) as bytes`;
    return Number(row?.bytes ?? 0);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

/** Rows that all sessions that have ended have read in this database so far, of any table. */
export async function rowsRead(databaseUrl: string): Promise<number> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql`select pg_stat_clear_snapshot()`;
    const [row] = await sql`select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) as rows
      from pg_stat_user_tables`;
    return Number(row?.rows ?? 0);
  } finally {
    await sql.end({ timeout: 2 });
  }
}
