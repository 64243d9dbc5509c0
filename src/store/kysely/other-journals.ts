import { sql } from "kysely";
import { transition } from "../../chat/transitions.ts";
import type { Write } from "./database.ts";
import { idList } from "./id-lists.ts";
import { changesOf, compareAndSet, type Move } from "./ledger.ts";
import { type NewChatUpdate, numberChatUpdates } from "./numbers.ts";
import { toolCallUpdate } from "./tool-call-rows.ts";

const REASON = "The machine lost its record of it.";

/** A daemon whose row is locked, and the journal that it comes with in place of another one. */
export interface ChangedJournal {
  readonly daemonId: string;
  readonly journalId: string;
}

/**
 * What runs under another journal than the one that its daemon now comes with is `unknown` from here on (design §3): the
 * old journal may return from a backup, older than the start, and would be granted that start once more.
 */
export async function endOtherJournals(write: Write, changed: readonly ChangedJournal[]): Promise<void> {
  if (changed.length === 0) return;
  const journals = new Map(changed.map(({ daemonId, journalId }) => [daemonId, journalId]));
  const rows = await write.db
    .selectFrom("tool_calls")
    .selectAll()
    .where("daemon_id", "in", idList(write.driver, [...journals.keys()]))
    // In words and not as parameters, so that both databases know the partial index.
    .where(sql<boolean>`state in ('dispatched', 'running')`)
    .orderBy("id")
    .$if(write.driver === "postgres", (query) => query.forNoKeyUpdate())
    .execute();
  const updates = new Map<string, NewChatUpdate[]>();
  for (const row of rows.filter(({ state }) => state === "running")) {
    const journalId = journals.get(row.daemon_id ?? "");
    if (journalId === undefined || row.journal_id === journalId) continue;
    const move: Move = { toolCallId: row.id, event: { kind: "ready", journalId }, reason: REASON };
    const { next } = transition({ state: row.state, journalId: row.journal_id ?? undefined }, move.event);
    if (next === undefined) continue;
    await compareAndSet(write, row, changesOf(move, next));
    updates.set(row.chat_id, [...(updates.get(row.chat_id) ?? []), toolCallUpdate(row, next.state)]);
  }
  for (const [chatId, of] of [...updates].sort(([one], [other]) => (one < other ? -1 : 1))) {
    await numberChatUpdates(write, chatId, of);
  }
}
