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
  outcomeAtMs: number | undefined;
  starts: number;
  /** The tool ended by itself and said this. */
  said: string | undefined;
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
  private facts: Statement<CallFacts, [string]> | undefined;

  constructor(private readonly world: World) {}

  attach(sqlite: Database): void {
    this.facts = sqlite.prepare<CallFacts, [string]>(
      "select daemon_id, deadline_at, result, journal_id from tool_calls where id = ?",
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

  /** The tool ended by itself. */
  ended(toolCallId: string, said: string): void {
    this.callOf(toolCallId).said = said;
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
    switch (move.to) {
      case "succeeded":
        if (move.from !== "running") world.fail("one-execution", `${name} succeeded without having been running`);
        if (call.starts > 0 && (call.said === undefined || !result.includes(call.said))) {
          world.fail("one-execution", `${name} succeeded, and its tool did not say so`);
        }
        break;
      case "unknown":
        this.checkUnknown(name, call, move, facts);
        break;
      case "cancelled":
      case "timed_out":
      case "denied":
        if (call.starts > 0 && !call.told) {
          world.fail("one-execution", `${name} is ${move.to}, and its tool started and was never told to end`);
        }
        break;
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
    if (call.lost || anotherJournal || world.nowMs + 1 >= deadlineMs + graceMs) return;
    world.fail("unknown-only-where-allowed", `${name} is unknown, though its process lives and its time is not over`);
  }

  private callOf(toolCallId: string): RealCall {
    const known = this.calls.get(toolCallId);
    if (known !== undefined) return known;
    const call: RealCall = {
      ...{ state: "requested", outcomeAtMs: undefined, starts: 0, said: undefined, told: false, lost: false },
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
