import type { ToolResult } from "../chat/message.ts";
import { ageMs, type Clock, type Stamp } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import { type CallEnding, type Invocation, type Journal, resultText } from "./journal.ts";

/** A frame about a call, from the gateway. */
export type CallFrame =
  | { readonly kind: "offer"; readonly toolCallId: string; readonly invocation: Invocation }
  | { readonly kind: "grant"; readonly toolCallId: string; readonly stamp: Stamp | undefined }
  | { readonly kind: "withdraw"; readonly toolCallId: string }
  | { readonly kind: "cancel"; readonly toolCallId: string; readonly kill: boolean }
  | { readonly kind: "ack"; readonly toolCallId: string };

/** What is to be done now, in this order. What is to be sent and gets lost is asked for again. */
export type DeskEffect =
  | { readonly kind: "send_ready"; readonly toolCallId: string; readonly stamp: Stamp }
  | {
      readonly kind: "send_result";
      readonly toolCallId: string;
      readonly ending: CallEnding;
      readonly result: ToolResult | undefined;
    }
  | { readonly kind: "refuse_offer"; readonly toolCallId: string; readonly message: string }
  | { readonly kind: "run"; readonly toolCallId: string; readonly invocation: Invocation }
  | { readonly kind: "end_tool"; readonly toolCallId: string; readonly kill: boolean };

/**
 * An open call. `waiting`: offered, no place is free yet, so no `ready` was said. `ready`: it has a place and asks for the
 * grant. `result`: told until the ack; `held` is what the journal could not take yet, or what is told for the first time.
 */
type OpenCall =
  | { phase: "waiting" }
  | { phase: "ready"; dueMs: number }
  | { phase: "running" }
  | { phase: "result"; dueMs: number; saved: boolean; told: boolean; held: Ended | undefined };

interface Ended {
  readonly ending: CallEnding;
  readonly result: ToolResult | undefined;
}

export interface CallDeskOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  /** Why this machine's policy denies the call; undefined where it does not. */
  denies(invocation: Invocation): string | undefined;
  readonly maxRunning?: number;
  readonly maxOpen?: number;
}

/**
 * The daemon's half of "exactly one outcome" (design §3 "One tool call"): frames and events in, journal writes and effects
 * out. A grant starts its call at once or not at all, so a call says `ready` only when it has one of the places.
 */
export class CallDesk {
  private readonly calls = new Map<string, OpenCall>();
  /** Calls that the gateway of the newest connection counts as open. */
  private readonly known = new Set<string>();
  private readonly log = logger("daemon", "calls");
  private readonly maxRunning: number;
  private readonly maxOpen: number;
  private connection: string | undefined;
  private stopping = false;

  private constructor(private readonly options: CallDeskOptions) {
    this.maxRunning = options.maxRunning ?? LIMITS.daemonRunningCalls;
    this.maxOpen = options.maxOpen ?? LIMITS.daemonOpenCalls;
  }

  /** Takes up what the journal has open. No tool of this process runs yet. */
  static open(options: CallDeskOptions): CallDesk {
    const desk = new CallDesk(options);
    for (const { toolCallId, state } of options.journal.open()) {
      desk.calls.set(toolCallId, state === "offered" ? { phase: "waiting" } : inJournal());
    }
    return desk;
  }

  get openCount(): number {
    return this.calls.size;
  }

  get runningIds(): readonly string[] {
    return [...this.calls].flatMap(([toolCallId, call]) => (call.phase === "running" ? [toolCallId] : []));
  }

  /** True while gateway and daemon agree that a call is open, so that both beat faster. */
  get isBusy(): boolean {
    return this.known.size > 0;
  }

  /**
   * A welcome came: this is the newest connection, others are heard no more. Says everything again. `told`: calls that its
   * hello named as running. One that was acked since, on the connection before, its gateway counts as open: it is said
   * again, too.
   */
  connected(connection: string, told: readonly string[]): DeskEffect[] {
    this.connection = connection;
    this.known.clear();
    for (const toolCallId of told) if (this.calls.has(toolCallId)) this.known.add(toolCallId);
    for (const call of this.calls.values()) if ("dueMs" in call) call.dueMs = 0;
    const acked = told.flatMap((toolCallId) => (this.calls.has(toolCallId) ? [] : this.ackedResult(toolCallId)));
    return [...acked, ...this.due()];
  }

  disconnected(connection: string): void {
    if (this.connection !== connection) return;
    this.connection = undefined;
    this.flush();
  }

  /** A frame of a connection; one of an older connection does nothing. */
  take(connection: string, frame: CallFrame): DeskEffect[] {
    if (connection !== this.connection) return [];
    switch (frame.kind) {
      case "offer":
        return this.offered(frame.toolCallId, frame.invocation);
      case "grant":
        return this.granted(frame.toolCallId, frame.stamp);
      case "withdraw":
        return this.withdrawn(frame.toolCallId);
      case "cancel":
        return this.cancelled(frame.toolCallId, frame.kill);
      case "ack":
        return this.acked(frame.toolCallId, connection);
    }
  }

  /** The tool of a call has ended. */
  toolEnded(toolCallId: string, ending: CallEnding, result: ToolResult | undefined): DeskEffect[] {
    if (this.calls.get(toolCallId)?.phase !== "running") return [];
    this.settle(toolCallId, ending, result);
    return this.due();
  }

  /** Says what is due: `ready` and `result`, `LIMITS.repeatMs` after the last time. */
  due(): DeskEffect[] {
    this.givePlaces();
    if (this.connection === undefined) return [];
    const nowMs = this.nowMs();
    const effects: DeskEffect[] = [];
    for (const [toolCallId, call] of this.calls) {
      if (!("dueMs" in call) || call.dueMs > nowMs) continue;
      call.dueMs = nowMs + LIMITS.repeatMs;
      try {
        const effect = call.phase === "ready" ? this.ready(toolCallId) : this.result(toolCallId, call);
        if (effect !== undefined) effects.push(effect);
      } catch (error) {
        // One entry that cannot be read must not silence the others.
        this.log.error("result cannot be read from the journal", { toolCallId, error: messageOf(error) });
      }
    }
    return effects;
  }

  /** Milliseconds until {@link due} has something to say; undefined: not before something happens. */
  get dueInMs(): number | undefined {
    if (this.connection === undefined) return undefined;
    let next: number | undefined;
    for (const call of this.calls.values()) {
      if ("dueMs" in call) next = Math.min(next ?? call.dueMs, call.dueMs);
    }
    return next === undefined ? undefined : Math.max(0, next - this.nowMs());
  }

  /**
   * The daemon is about to stop: nothing starts any more. Running tools are to be ended (`cancelled`), and calls that may
   * be granted already are told as not started. Calls that wait stay in the journal for the next start.
   */
  stop(): DeskEffect[] {
    this.stopping = true;
    const effects: DeskEffect[] = [];
    for (const [toolCallId, { phase }] of this.calls) {
      if (phase === "running") effects.push({ kind: "end_tool", toolCallId, kill: false });
      if (phase === "ready") this.settle(toolCallId, "not_started", resultText("Not run: the daemon was stopped."));
    }
    return [...effects, ...this.due()];
  }

  /** True when nothing is left that a stopping daemon waits for. */
  get isSettled(): boolean {
    return [...this.calls.values()].every(({ phase }) => phase === "waiting");
  }

  private offered(toolCallId: string, invocation: Invocation): DeskEffect[] {
    const open = this.calls.get(toolCallId);
    if (open !== undefined) {
      this.known.add(toolCallId);
      if ("dueMs" in open) open.dueMs = 0;
      return this.due();
    }
    const { journal } = this.options;
    const acked = this.ackedResult(toolCallId);
    if (acked.length > 0) return acked;
    if (this.calls.size >= this.maxOpen) {
      return [refusal(toolCallId, `this machine has ${this.maxOpen} calls open already`)];
    }
    const denied = this.options.denies(invocation);
    try {
      if (denied === undefined) journal.offer(toolCallId, invocation);
      else journal.finish(toolCallId, "denied", resultText(denied));
    } catch (error) {
      this.log.error("offer refused: the journal cannot be written", { toolCallId, error: messageOf(error) });
      return [refusal(toolCallId, messageOf(error))];
    }
    this.calls.set(toolCallId, denied === undefined ? { phase: "waiting" } : inJournal());
    this.known.add(toolCallId);
    return this.due();
  }

  /** How a call ended whose result is in the ledger. */
  private ackedResult(toolCallId: string): DeskEffect[] {
    const entry = this.options.journal.find(toolCallId);
    return entry?.state === "acked"
      ? [{ kind: "send_result", toolCallId, ending: entry.ending, result: undefined }]
      : [];
  }

  private granted(toolCallId: string, stamp: Stamp | undefined): DeskEffect[] {
    const call = this.calls.get(toolCallId);
    if (call?.phase !== "ready") return [];
    if (!this.isFresh(stamp)) {
      this.log.info("grant too old, asking again", { toolCallId });
      call.dueMs = 0;
      return this.due();
    }
    const entry = this.options.journal.find(toolCallId);
    if (entry?.state !== "offered") return [];
    const denied = this.options.denies(entry.invocation);
    if (denied !== undefined) {
      this.settle(toolCallId, "denied", resultText(denied));
      return this.due();
    }
    try {
      this.options.journal.start(toolCallId);
    } catch (error) {
      this.log.error("call not started: the journal cannot be written", { toolCallId, error: messageOf(error) });
      this.settle(toolCallId, "not_started", resultText(`Not run: ${messageOf(error)}`));
      return this.due();
    }
    this.calls.set(toolCallId, { phase: "running" });
    return [{ kind: "run", toolCallId, invocation: entry.invocation }];
  }

  private withdrawn(toolCallId: string): DeskEffect[] {
    const phase = this.calls.get(toolCallId)?.phase;
    if (phase !== "waiting" && phase !== "ready") return [];
    try {
      this.options.journal.forget(toolCallId);
    } catch (error) {
      // The entry stays, on the disk and here: it asks again, and is withdrawn again.
      this.log.error("withdraw not journalled", { toolCallId, error: messageOf(error) });
      return [];
    }
    this.calls.delete(toolCallId);
    this.known.delete(toolCallId);
    return this.due();
  }

  private cancelled(toolCallId: string, kill: boolean): DeskEffect[] {
    const phase = this.calls.get(toolCallId)?.phase;
    if (phase === "running") return [{ kind: "end_tool", toolCallId, kill }];
    if (phase === "result") return [];
    if (phase === undefined && !this.leavesTombstone(toolCallId)) return [];
    this.settle(toolCallId, "not_started", resultText("Cancelled before it started: nothing ran."));
    return this.due();
  }

  /** A cancel may come before its offer. It is repeated by whoever cancels, so that one that finds no room may be dropped. */
  private leavesTombstone(toolCallId: string): boolean {
    return this.calls.size < this.maxOpen && this.options.journal.find(toolCallId) === undefined;
  }

  private acked(toolCallId: string, connection: string): DeskEffect[] {
    const call = this.calls.get(toolCallId);
    if (call?.phase !== "result") return [];
    if (!call.saved && call.held !== undefined && !this.save(toolCallId, call.held)) return [];
    this.options.journal.ack(toolCallId, { atMs: this.options.clock.now(), connection });
    this.calls.delete(toolCallId);
    this.known.delete(toolCallId);
    return this.due();
  }

  /**
   * The call has its result. Where the journal cannot take it, it is told all the same, and saved with the next repeat. It
   * is told before it has reached the disk; one that nobody hears now, or did not hear the first time, gets there at once.
   */
  private settle(toolCallId: string, ending: CallEnding, result: ToolResult | undefined): void {
    const held = { ending, result };
    const saved = this.save(toolCallId, held);
    const isTold = this.connection !== undefined;
    this.calls.set(toolCallId, { ...inJournal(), saved, held: saved && !isTold ? undefined : held });
    if (!isTold) this.flush();
  }

  private save(toolCallId: string, { ending, result }: Ended): boolean {
    try {
      this.options.journal.finish(toolCallId, ending, result);
      return true;
    } catch (error) {
      this.log.error("result not journalled", { toolCallId, error: messageOf(error) });
      return false;
    }
  }

  private flush(): void {
    try {
      this.options.journal.flush();
    } catch (error) {
      this.log.error("journal not flushed", { error: messageOf(error) });
    }
  }

  private ready(toolCallId: string): DeskEffect {
    this.known.add(toolCallId);
    return { kind: "send_ready", toolCallId, stamp: this.options.clock.stamp() };
  }

  private result(toolCallId: string, call: OpenCall & { phase: "result" }): DeskEffect | undefined {
    const { held } = call;
    if (!call.saved && held !== undefined) call.saved = this.save(toolCallId, held);
    if (call.told) this.flush();
    call.told = true;
    if (held !== undefined) {
      if (call.saved) call.held = undefined;
      return { kind: "send_result", toolCallId, ...held };
    }
    const entry = this.options.journal.find(toolCallId);
    if (entry?.state !== "result") return undefined;
    return { kind: "send_result", toolCallId, ending: entry.ending, result: entry.result };
  }

  private givePlaces(): void {
    if (this.stopping) return;
    let taken = 0;
    for (const { phase } of this.calls.values()) if (phase === "ready" || phase === "running") taken++;
    for (const [toolCallId, { phase }] of this.calls) {
      if (taken >= this.maxRunning) return;
      if (phase !== "waiting") continue;
      this.calls.set(toolCallId, { phase: "ready", dueMs: 0 });
      taken++;
    }
  }

  private isFresh(stamp: Stamp | undefined): boolean {
    if (stamp === undefined) return false;
    const age = ageMs(this.options.clock, stamp);
    return age >= 0 && age <= LIMITS.grantMaxAgeMs;
  }

  private nowMs(): number {
    return this.options.clock.stamp().monotonicMs;
  }
}

/** A result that the journal has and that was not told yet. */
function inJournal(): Extract<OpenCall, { phase: "result" }> {
  return { phase: "result", dueMs: 0, saved: true, told: false, held: undefined };
}

function refusal(toolCallId: string, message: string): DeskEffect {
  return { kind: "refuse_offer", toolCallId, message: `offer refused: ${message}` };
}
