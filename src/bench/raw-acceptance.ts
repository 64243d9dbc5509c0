import postgres from "postgres";
import type { Clock } from "../core/clock.ts";
import { newId } from "../core/ids.ts";
import { NO_TOOL } from "./bench-scripts.ts";

/** The rows of a message that begins a chat, without anything of ours around them. */
export interface RawAcceptance extends AsyncDisposable {
  /** One transaction, and the outbox cleared behind it. */
  accept(): Promise<void>;
}

/**
 * The statements that accept a message in a new chat, one by one over a bare client. Its runs have ended, so that nobody
 * takes them up; `connections` of them may go on at once.
 */
export function openRawAcceptance(options: {
  readonly databaseUrl: string;
  readonly userId: string;
  readonly connections: number;
  readonly clock: Clock;
}): RawAcceptance {
  const { databaseUrl, userId, connections, clock } = options;
  const sql = postgres(databaseUrl, { max: connections, onnotice: () => undefined });
  return {
    async accept() {
      const [chatId, runId, messageId, outboxId] = [newId("chat"), newId("run"), newId("msg"), newId("out")];
      const nowMs = clock.now();
      const event = JSON.stringify({ kind: "chat_changed", chatId });
      await sql.begin(async (tx) => {
        await tx`insert into chats (id, user_id, title, model, sequence, last_position, user_position, answer_position, created_at, updated_at)
          values (${chatId}, ${userId}, 'bench', 'scripted/bench', 0, 0, 0, 0, ${nowMs}, ${nowMs})`;
        await tx`select id from messages where id = ${messageId}`;
        await tx`insert into runs (id, chat_id, state, cancel_requested, model_calls, started_at, ended_at)
          values (${runId}, ${chatId}, 'succeeded', 0, 0, ${nowMs}, ${nowMs})`;
        await tx`insert into messages (id, chat_id, run_id, position, role, state, attempt, created_at)
          values (${messageId}, ${chatId}, ${runId}, 1, 'user', 'complete', 0, ${nowMs})`;
        await tx`insert into content_blocks (message_id, idx, kind, body)
          values (${messageId}, 0, 'text', ${JSON.stringify({ kind: "text", text: NO_TOOL })})`;
        await tx`insert into outbox (id, kind, chat_id, created_at) values (${outboxId}, 'wake', ${chatId}, ${nowMs})`;
        await tx`update chats set sequence = 2, run_id = ${runId}, last_position = 1, user_position = 1 where id = ${chatId}`;
        await tx`insert into chat_updates (chat_id, sequence, message_id, event)
          values (${chatId}, 1, ${messageId}, null), (${chatId}, 2, null, ${event})`;
        const [user] = await tx`update users set sequence = sequence + 1 where id = ${userId} returning sequence`;
        await tx`insert into user_updates (user_id, sequence, event) values (${userId}, ${user?.sequence ?? 0}, ${event})`;
      });
      await sql`delete from outbox where id = ${outboxId}`;
    },
    [Symbol.asyncDispose]: () => sql.end({ timeout: 2 }),
  };
}
