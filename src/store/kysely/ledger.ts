import type { ToolResult } from "../../chat/message.ts";
import { outcomeResult } from "../../chat/outcome-text.ts";
import { isOutcome } from "../../chat/tool-call.ts";
import { type Ending, type LedgerEvent, outcomeOf, type Transition, transition } from "../../chat/transitions.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { DaemonFence } from "../daemons.ts";
import { readOptionalJson } from "./columns.ts";
import type { Write } from "./database.ts";
import { numberChatUpdates } from "./numbers.ts";
import { type ToolCallRow, toolCallUpdate } from "./tool-call-rows.ts";

/** One event of one tool call, with the facts that its transition writes. */
export interface Move {
  readonly toolCallId: string;
  readonly event: LedgerEvent;
  /** Where a daemon speaks: its right to. */
  readonly fence?: DaemonFence;
  readonly daemonId?: string;
  readonly timeoutMs?: number;
  readonly deadlineAtMs?: number;
  /** The result that came with it. */
  readonly result?: ToolResult;
  /** What the model reads where no result came. */
  readonly reason?: string;
}

/** The event has met its call; `row` is how that stands now. */
export interface Looked<Row> {
  readonly kind: "looked";
  readonly transition: Transition;
  readonly row: Row;
}

export type Moved<Row = ToolCallRow> =
  | { readonly kind: "fenced" }
  /** No such call, or not one of the fence's daemon. */
  | { readonly kind: "unknown_call" }
  | Looked<Row>;

/** What a transition writes into the call's row. */
export function changesOf(move: Move, next: NonNullable<Transition["next"]>): Partial<ToolCallRow> {
  const { daemonId, timeoutMs, deadlineAtMs } = move;
  return {
    state: next.state,
    journal_id: next.journalId ?? null,
    ...(next.instanceId === undefined ? {} : { instance_id: next.instanceId }),
    ...(daemonId === undefined ? {} : { daemon_id: daemonId }),
    ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
    ...(deadlineAtMs === undefined ? {} : { deadline_at: deadlineAtMs }),
    ...(isOutcome(next.state) ? { result: JSON.stringify(resultOf(move, next.state)) } : {}),
  };
}

/** The result that stands: the one that came, unless the outcome says that it is not this call's. */
function resultOf(move: Move, outcome: Parameters<typeof outcomeResult>[0]): ToolResult {
  const fits = move.event.kind !== "result" || outcomeOf(move.event.ending) === outcome;
  return (fits ? move.result : undefined) ?? outcomeResult(outcome, move.reason);
}

/** Applies one event in a transaction: locks the daemon's row, then the call's, asks `transition`, writes what it says. */
export async function moveToolCall(write: Write, move: Move): Promise<Moved> {
  const holder = move.fence && (await holderOf(write, move.fence));
  if (move.fence !== undefined && holder === undefined) return { kind: "fenced" };
  const row = await write.db
    .selectFrom("tool_calls")
    .selectAll()
    .where("id", "=", move.toolCallId)
    .$if(write.driver === "postgres", (query) => query.forNoKeyUpdate())
    .executeTakeFirst();
  if (row === undefined || (move.fence !== undefined && row.daemon_id !== move.fence.daemonId)) {
    return { kind: "unknown_call" };
  }
  const { state } = row;
  const [journalId, instanceId] = [row.journal_id ?? undefined, row.instance_id ?? undefined];
  const step = transition({ state, journalId, instanceId }, bySpeaker(move.event, holder?.instance_id ?? undefined));
  const changes = {
    ...(step.next === undefined ? {} : changesOf(move, step.next)),
    ...(step.next !== undefined && move.event.kind === "ready" ? runsUntil(row, write.nowMs) : {}),
    ...evidenceOf(move, row, step),
  };
  if (Object.keys(changes).length > 0) await compareAndSet(write, row, changes);
  if (step.next !== undefined) {
    await numberChatUpdates(write, row.chat_id, [toolCallUpdate({ ...row, ...changes }, step.next.state)]);
  }
  return { kind: "looked", transition: step, row: { ...row, ...changes } };
}

/**
 * The time of a call begins when it is granted, however long it waited: for a place, or for a machine that slept. A deadline
 * from before would have it given up for lost while it runs.
 */
function runsUntil({ deadline_at: deadlineAtMs, timeout_ms: timeoutMs }: ToolCallRow, nowMs: number) {
  return timeoutMs === null ? {} : { deadline_at: Math.max(deadlineAtMs ?? 0, nowMs + timeoutMs) };
}

/** Writes on what was looked at; the row is locked, so a miss is a mistake of ours. */
export async function compareAndSet(write: Write, row: ToolCallRow, changes: Partial<ToolCallRow>): Promise<void> {
  const { numUpdatedRows } = await write.db
    .updateTable("tool_calls")
    .set(changes)
    .where("id", "=", row.id)
    .where("state", "=", row.state)
    .where((builder) =>
      row.journal_id === null ? builder("journal_id", "is", null) : builder("journal_id", "=", row.journal_id),
    )
    .executeTakeFirst();
  if (numUpdatedRows !== 1n) throw new ReliantError("conflict", `change tool call ${row.id}: somebody else was first`);
}

/** What a daemon says is said by the process that holds its epoch. */
function bySpeaker(event: LedgerEvent, instanceId: string | undefined): LedgerEvent {
  return event.kind === "ready" || event.kind === "result" ? { ...event, instanceId } : event;
}

/** The process that holds the daemon's epoch while that is the fence's; it stays so until the commit. */
async function holderOf(write: Write, fence: DaemonFence): Promise<{ instance_id: string | null } | undefined> {
  return await write.db
    .selectFrom("daemons")
    .select("instance_id")
    .where("id", "=", fence.daemonId)
    .where("epoch", "=", fence.epoch)
    .$if(write.driver === "postgres", (query) => query.forShare())
    .executeTakeFirst();
}

interface Evidence {
  readonly journalId: string;
  readonly ending: Ending;
  readonly result?: ToolResult;
}

/** A result that does not become the call's: too late, or of another journal or process. One that only repeats what stands is no news. */
function evidenceOf(move: Move, row: ToolCallRow, step: Transition): { readonly evidence?: string } {
  if (move.event.kind !== "result") return {};
  const { journalId, ending } = move.event;
  const counts = step.next !== undefined && step.next.state === outcomeOf(ending) && step.next.journalId === journalId;
  if (counts || (step.next === undefined && !step.evidence)) return {};
  if (row.state === outcomeOf(ending) && row.journal_id === journalId) return {};
  const kept = readOptionalJson<readonly Evidence[]>(row.evidence) ?? [];
  if (kept.length >= LIMITS.evidencePerCall) return {};
  if (kept.some((one) => one.journalId === journalId && one.ending === ending)) return {};
  const late: Evidence = { journalId, ending, ...(move.result === undefined ? {} : { result: move.result }) };
  return { evidence: JSON.stringify([...kept, late]) };
}
