import type { Database, Statement } from "bun:sqlite";
import { LIMITS } from "../../src/core/limits.ts";
import type { World } from "./world.ts";

/** One change of a call's row. */
export interface LedgerMove {
  readonly toolCallId: string;
  readonly from: string | undefined;
  readonly to: string;
  readonly fromJournal: string | undefined;
  readonly journal: string | undefined;
}

/** What really happened to one call, as the world outside the ledger saw it. */
export interface RealCall {
  state: string;
  /** As the ledger has it. */
  journalId: string | undefined;
  /** The daemon's process that was granted it. */
  instanceId: string | undefined;
  /** The monolith's process that runs it itself: the next one knows that it is gone. A worker cannot know that of another. */
  runBy: string | undefined;
  outcomeAtMs: number | undefined;
  starts: number;
  /** The tool ended by itself and said this. */
  said: string | undefined;
  /** What it did by itself failed. */
  hasFailed: boolean;
  /** The tool was told to end. */
  told: boolean;
  /** The tool's process went away while it ran, or between its note in the journal and its start. */
  lost: boolean;
}

const OPEN = new Set(["requested", "dispatched", "running"]);

/** The ledger against the world: exactly one outcome, at most one execution, none after an outcome, and no lies. */
export class LedgerWatch {
  private readonly calls = new Map<string, RealCall>();
  private readonly journals = new Map<string, string>();
  /** Starts behind an `unknown`: allowed as long as a grant may be on its way. */
  startsAfterUnknown = 0;
  executions = 0;
  readonly outcomes = new Map<string, number>();
  /** Told of each move, once it was looked at. */
  onMoved: ((move: LedgerMove) => void) | undefined;
  private facts: Statement<CallFacts, [string]> | undefined;

  private holder: Statement<{ readonly id: string | undefined }, [string]> | undefined;

  constructor(private readonly world: World) {}

  attach(sqlite: Database): void {
    this.facts = sqlite.prepare<CallFacts, [string]>(
      "select daemon_id, deadline_at, result, journal_id from tool_calls where id = ?",
    );
    this.holder = sqlite.prepare(
      "select instance_id as id from daemons where id = (select daemon_id from tool_calls where id = ?)",
    );
  }

  get open(): number {
    let count = 0;
    for (const call of this.calls.values()) if (OPEN.has(call.state)) count++;
    return count;
  }

  /** What became of the call in the ledger so far. */
  stateOf(toolCallId: string): string | undefined {
    return this.calls.get(toolCallId)?.state;
  }

  /** How the call stands in the ledger; undefined: it is not known here. */
  standingOf(toolCallId: string): { readonly state: string; readonly journalId: string | undefined } | undefined {
    return this.calls.get(toolCallId);
  }

  /** The journal with which a daemon has taken its epoch. */
  journalOf(daemonId: string, journalId: string | undefined): void {
    if (journalId !== undefined) this.journals.set(daemonId, journalId);
  }

  moved(move: LedgerMove, by: string): void {
    const { history } = this.world;
    const call = this.callOf(move.toolCallId);
    const name = history.name(move.toolCallId);
    history.note(`${by}: ${name} ${move.from ?? "(new)"} → ${move.to}${journalText(history.name(move.journal), move)}`);
    if (move.from !== undefined && !OPEN.has(move.from)) {
      this.world.fail("one-execution", `${name} had the outcome ${move.from}, and ${by} makes it ${move.to}`);
    }
    call.state = move.to;
    call.journalId = move.journal;
    if (move.from === "dispatched" && move.to === "running") call.instanceId = this.holder?.get(move.toolCallId)?.id;
    if (move.from === "requested" && move.to === "running" && by.startsWith("monolith#")) call.runBy = by;
    if (move.from !== undefined && move.from !== move.to) this.world.reach.note(`move: ${move.from} → ${move.to}`);
    this.onMoved?.(move);
    if (OPEN.has(move.to)) return;
    call.outcomeAtMs = this.world.nowMs;
    if (this.world.isProving && move.to !== "succeeded") {
      this.world.fail("works-again", `${name} is ${move.to}, though the faults have ended and all was at rest`);
    }
    this.outcomes.set(move.to, (this.outcomes.get(move.to) ?? 0) + 1);
    this.check(name, call, move);
  }

  /** A tool starts, on a daemon. False: it must not. */
  started(toolCallId: string, by: string): void {
    const { history, world } = { history: this.world.history, world: this.world };
    const call = this.callOf(toolCallId);
    const name = history.name(toolCallId);
    call.starts++;
    this.executions++;
    history.note(`${by}: the tool of ${name} starts`);
    if (call.starts > 1) world.fail("one-execution", `the tool of ${name} starts for the ${call.starts}th time`);
    if (OPEN.has(call.state)) return;
    const sinceMs = world.nowMs - (call.outcomeAtMs ?? 0);
    if (call.state === "unknown" && sinceMs <= LIMITS.grantMaxAgeMs) this.startsAfterUnknown++;
    else world.fail("one-execution", `the tool of ${name} starts ${sinceMs} ms after its outcome ${call.state}`);
  }

  /** A tool starts on a daemon whose journal does not say so. */
  startedUnjournalled(toolCallId: string): void {
    const { world } = this;
    world.fail("one-execution", `the tool of ${world.history.name(toolCallId)} starts, and no journal says so`);
  }

  /** A daemon is told that the ledger has the outcome. */
  acked(toolCallId: string): void {
    const { world } = this;
    const { state } = this.callOf(toolCallId);
    if (!OPEN.has(state)) return;
    world.fail("one-execution", `${world.history.name(toolCallId)} is acked, and the ledger has it as ${state}`);
  }

  /** The tool ended by itself. */
  ended(toolCallId: string, said: string, hasFailed: boolean): void {
    Object.assign(this.callOf(toolCallId), { said, hasFailed });
  }

  /** The tool was told to end. */
  told(toolCallId: string): void {
    this.callOf(toolCallId).told = true;
  }

  /** The tool's process, or its journal's, went away. */
  lost(toolCallId: string): void {
    this.callOf(toolCallId).lost = true;
  }

  private check(name: string, call: RealCall, move: LedgerMove): void {
    const { world } = this;
    const facts = this.facts?.get(move.toolCallId);
    const result = facts?.result ?? "";
    const lie = (why: string) => world.fail("one-execution", `${name} is ${move.to}, was ${move.from}, and ${why}`);
    const saidSo = call.starts === 1 && call.said !== undefined && result.includes(call.said);
    // A worker that is to stop tells so itself, in words of its own (run-tool-here.ts).
    const wasStopped = call.starts === 1 && call.told && result.includes("was stopped in the middle of it");
    switch (move.to) {
      case "succeeded":
        if (move.from !== "running" || !saidSo || call.hasFailed) lie("its tool did not say so");
        break;
      case "failed":
        if (move.from !== "running" && call.starts > 0) lie("its tool started");
        if (move.from === "running" && !(saidSo && call.hasFailed) && !wasStopped) lie("its tool did not say so");
        break;
      case "unknown":
        this.checkUnknown(name, call, move, facts);
        break;
      case "denied":
        if (call.starts > 0) lie("its tool started");
        break;
      case "timed_out":
      case "cancelled":
        if (call.starts > 0 && !call.told) lie("its tool started and was never told to end");
        if (move.from !== "running" && call.starts > 0) lie("its tool started");
        break;
      default:
        lie("there is no such outcome");
    }
  }

  /** Design: the journal said "started" and the process is gone; another journal; out of reach beyond the deadline. */
  private checkUnknown(name: string, call: RealCall, move: LedgerMove, facts: CallFacts | undefined | null): void {
    const { world } = this;
    if (move.from !== "running") world.fail("unknown-only-where-allowed", `${name} is unknown, and was ${move.from}`);
    const anotherJournal =
      facts?.daemon_id != null && this.journals.get(facts.daemon_id) !== (facts.journal_id ?? undefined);
    const deadlineMs = facts?.deadline_at ?? Number.POSITIVE_INFINITY;
    // A worker waits for what it started itself up to the deadline alone.
    const graceMs = facts?.daemon_id == null ? 0 : LIMITS.unknownAfterDeadlineMs;
    const isOverdue = world.nowMs + 1 >= deadlineMs + graceMs;
    const { instanceId, runBy } = call;
    const isGone =
      runBy === undefined
        ? instanceId !== undefined && !world.instances.get(instanceId)?.isAlive
        : ![...world.lives].some(({ name: alive }) => alive === runBy);
    if (isOverdue) world.reach.note("unknown: out of reach beyond its deadline");
    else if (call.lost) world.reach.note("unknown: its process was lost");
    else if (anotherJournal) world.reach.note("unknown: its journal is another one");
    else if (isGone) world.reach.note("unknown: the process that it was granted to is gone");
    else
      world.fail("unknown-only-where-allowed", `${name} is unknown, though its process lives and its time is not over`);
  }

  private callOf(toolCallId: string): RealCall {
    const known = this.calls.get(toolCallId);
    if (known !== undefined) return known;
    const call: RealCall = {
      ...{
        state: "requested",
        journalId: undefined,
        instanceId: undefined,
        runBy: undefined,
        outcomeAtMs: undefined,
        starts: 0,
      },
      ...{ said: undefined, hasFailed: false, told: false, lost: false },
    };
    this.calls.set(toolCallId, call);
    return call;
  }
}

interface CallFacts {
  readonly daemon_id: string | null;
  readonly deadline_at: number | null;
  readonly result: string | null;
  readonly journal_id: string | null;
}

function journalText(journal: string, move: LedgerMove): string {
  return move.journal === undefined ? "" : ` (${journal})`;
}
