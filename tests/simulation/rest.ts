import type { Clock } from "../../src/core/clock.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { Store } from "../../src/store/store.ts";
import type { LedgerWatch } from "./ledger-watch.ts";
import { PROOF_CALLS } from "./sim-model.ts";
import type { SimStore } from "./sim-store.ts";
import type { StoreWatch } from "./store-watch.ts";
import type { Accepted, Talker } from "./talker.ts";
import type { Topology } from "./topology.ts";
import type { Transcripts } from "./transcripts.ts";
import type { Viewer } from "./viewer.ts";
import type { World } from "./world.ts";

/** After the faults have ended everything must have come to rest within this, in virtual time. */
export const REST_MS = 30 * 60_000;
/** Once at rest, nothing may move for this long: connections that only one side believes in are found meanwhile. */
export const STILL_MS = LIMITS.deadIdleMs + 30_000;
/** Then each talker's last message must be answered within this, its tools included. */
export const PROOF_MS = 60_000;

export interface RestParts {
  readonly world: World;
  readonly watch: StoreWatch;
  readonly ledger: LedgerWatch;
  readonly store: SimStore;
  readonly topology: Topology;
  readonly talkers: readonly Talker[];
  readonly viewers: readonly Viewer[];
  readonly transcripts: Transcripts;
  readonly accepted: readonly Accepted[];
}

/** What still moves, in words; empty: everything is at rest. */
export function whatMoves(parts: RestParts): readonly string[] {
  const { watch, ledger, topology, talkers, viewers, world } = parts;
  const { history } = world;
  const moving: string[] = [];
  for (const talker of talkers) if (!talker.isDone) moving.push(`${talker.name} still talks`);
  for (const chatId of watch.running.keys()) moving.push(`${history.name(chatId)} is running`);
  if (ledger.open > 0) moving.push(`${ledger.open} tool calls are open`);
  for (const [chatId, rows] of watch.outbox) if (rows > 0) moving.push(`the outbox tells of ${history.name(chatId)}`);
  if (topology.loops > 0) moving.push(`${topology.loops} workflows run`);
  for (const { name, isConnected, openEntries } of topology.machines) {
    if (!isConnected) moving.push(`${name} is not connected`);
    if (openEntries > 0) moving.push(`${name} has ${openEntries} entries that are not acked`);
  }
  for (const viewer of viewers) {
    for (const [chatId, followed] of viewer.followed) {
      const last = watch.sequences.get(chatId) ?? 0;
      if (followed.sequence < last) {
        moving.push(`${viewer.name} has ${history.name(chatId)} up to ${followed.sequence} of ${last}`);
      }
    }
  }
  return moving;
}

/** At rest: every client has what the store has, and every accepted message its answer. */
export async function checkRest(parts: RestParts, clock: Clock): Promise<void> {
  const store = parts.store.direct(clock);
  await compareTranscripts(parts, store);
  checkAnswers(parts);
  checkResults(parts);
}

/** Without a fault every run succeeds, and so does each of its calls. */
export function checkProof({ world, store, talkers }: RestParts): void {
  const find = store.sqlite.prepare<{ readonly state: string; readonly succeeded: number }, [string]>(`
    select runs.state as state, (
      select count(*) from tool_calls where tool_calls.run_id = runs.id and tool_calls.state = 'succeeded') as succeeded
    from messages asked join runs on runs.id = asked.run_id where asked.id = ?`);
  for (const { name, lastMessageId } of talkers) {
    const row = find.get(lastMessageId);
    const found = row === null ? "is not there" : `ended ${row.state}, ${row.succeeded} of its calls succeeded`;
    if (found === `ended succeeded, ${PROOF_CALLS} of its calls succeeded`) continue;
    world.fail("works-again", `without any fault the run of ${name}'s last message ${found}`);
  }
}

async function compareTranscripts({ viewers, transcripts }: RestParts, store: Store): Promise<void> {
  for (const viewer of viewers) {
    for (const [chatId, { hashes }] of viewer.followed) {
      await transcripts.compare(store, chatId, hashes, viewer.name);
    }
  }
}

/** An answer behind it, or a run that says why there is none. */
function checkAnswers({ world, store, accepted }: RestParts): void {
  const find = store.sqlite.prepare<{ readonly state: string; readonly answered: number }, [string]>(`
    select runs.state as state, exists (
      select 1 from messages answer where answer.chat_id = asked.chat_id and answer.role = 'assistant'
        and answer.position > asked.position and answer.state <> 'open') as answered
    from messages asked join runs on runs.id = asked.run_id where asked.id = ?`);
  for (const { messageId } of accepted) {
    const row = find.get(messageId);
    const name = world.history.name(messageId);
    if (row === null) world.fail("nothing-lost", `${name} was accepted, and is not there`);
    else if (row.state === "running") world.fail("nothing-lost", `the run of ${name} has not ended`);
    else if (row.answered === 0 && row.state === "succeeded") world.fail("nothing-lost", `${name} has no answer`);
  }
}

/** The result of each call stands in the chat once, in its own words. */
function checkResults({ world, store }: RestParts): void {
  const wrong = store.sqlite
    .prepare<
      { readonly id: string; readonly results: number; readonly state: string; readonly delivered: number },
      []
    >(`
      select id, state, delivered, (select count(*) from content_blocks block
        where block.tool_call_id = tool_calls.id and block.kind = 'tool_result') as results from tool_calls`)
    .all()
    .filter(({ results, delivered }) => results !== delivered || delivered !== 1);
  for (const { id, results, state } of wrong) {
    world.fail("nothing-lost", `${world.history.name(id)} (${state}) has ${results} results in its chat`);
  }
}
