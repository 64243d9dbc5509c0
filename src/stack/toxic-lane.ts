import { type LaneEvent, type Pacer, pacerOf, type Timed } from "./toxic-pacer.ts";
import type { Toxic } from "./toxics.ts";

/** A toxic in force, since when, and for `limit_data` how many bytes it still lets pass. */
interface Active {
  readonly toxic: Toxic;
  readonly sinceMs: number;
  leftBytes: number;
}

/**
 * One direction of one connection, apart from its sockets: takes what comes in, gives what is due. Times are those of one
 * monotonic clock, milliseconds. What waits when the toxics change is planned anew from that moment by those that are then
 * in force; nothing is lost, doubled or put in another order, and what `limit_data` has let pass stays counted.
 */
export class ToxicLane {
  private active: Active[] = [];
  private pacers: Pacer[] = [];
  private waiting: Timed[] = [];
  /** Of `waiting`: before it stands what has been given. */
  private head = 0;
  private heldBytes = 0;
  /** It was cut off: nothing comes in or out any more. */
  private isOver = false;

  constructor(private readonly random: () => number) {}

  /** Nothing is held and nothing in force: what comes in may go out as it is. */
  get isClear(): boolean {
    return this.active.length === 0 && this.head === this.waiting.length;
  }

  /** Bytes that are held back. */
  get queuedBytes(): number {
    return this.heldBytes;
  }

  /** When something will be due; `Infinity` where nothing will. */
  get nextAtMs(): number {
    if (this.isOver) return Number.POSITIVE_INFINITY;
    return Math.min(this.waiting[this.head]?.atMs ?? Number.POSITIVE_INFINITY, this.strikesAtMs);
  }

  /** When `reset_peer` or `timeout` will end the connection, whatever still waits; `Infinity` where none does. */
  get strikesAtMs(): number {
    return this.isOver ? Number.POSITIVE_INFINITY : this.strike().atMs;
  }

  /** Puts these toxics in force. One that was in force before, the same object, goes on counting. */
  setToxics(toxics: readonly Toxic[], nowMs: number): void {
    const before = new Map(this.active.map((active) => [active.toxic, active]));
    this.active = toxics.map(
      (toxic) =>
        before.get(toxic) ?? { toxic, sinceMs: nowMs, leftBytes: toxic.kind === "limit_data" ? toxic.bytes : 0 },
    );
    this.pacers = toxics.map((toxic) => pacerOf(toxic, this.random)).filter((pacer) => pacer !== undefined);
    const held = this.waiting.slice(this.head);
    this.waiting = [];
    this.head = 0;
    this.heldBytes = 0;
    for (const { event } of held) this.plan(event, nowMs);
  }

  /** Takes what has come in now. */
  receive(event: LaneEvent, nowMs: number): void {
    if (this.isOver) return;
    for (const passed of this.limited(event)) this.plan(passed, nowMs);
  }

  /** The next event that is due, in order. After `close` and `reset` there is none. */
  take(nowMs: number): LaneEvent | undefined {
    if (this.isOver) return undefined;
    const strike = this.strike();
    if (strike.atMs <= nowMs) return this.finish(strike.event);
    const next = this.waiting[this.head];
    if (next === undefined || next.atMs > nowMs) return undefined;
    this.head += 1;
    if (this.head === this.waiting.length || this.head > 1024) {
      this.waiting = this.waiting.slice(this.head);
      this.head = 0;
    }
    if (next.event.kind === "data") this.heldBytes -= next.event.bytes.length;
    return next.event.kind === "close" || next.event.kind === "reset" ? this.finish(next.event) : next.event;
  }

  private finish(event: LaneEvent): LaneEvent {
    this.isOver = true;
    this.waiting = [];
    this.head = 0;
    this.heldBytes = 0;
    return event;
  }

  private plan(event: LaneEvent, nowMs: number): void {
    let timed: readonly Timed[] = [{ atMs: nowMs, event }];
    for (const pacer of this.pacers) timed = timed.flatMap(pacer);
    for (const one of timed) {
      this.waiting.push(one);
      if (one.event.kind === "data") this.heldBytes += one.event.bytes.length;
    }
  }

  /** What the `limit_data` in force let pass of it. */
  private limited(event: LaneEvent): LaneEvent[] {
    if (event.kind !== "data") return [event];
    const limits = this.active.filter(({ toxic }) => toxic.kind === "limit_data");
    const left = Math.min(...limits.map(({ leftBytes }) => leftBytes));
    for (const limit of limits) limit.leftBytes -= Math.min(limit.leftBytes, event.bytes.length);
    if (event.bytes.length < left) return [event];
    if (left === 0) return [{ kind: "close" }];
    return [{ kind: "data", bytes: event.bytes.subarray(0, left) }, { kind: "close" }];
  }

  /** The earliest end by `reset_peer` or `timeout`. */
  private strike(): Timed {
    let first: Timed = { atMs: Number.POSITIVE_INFINITY, event: { kind: "close" } };
    for (const { toxic, sinceMs } of this.active) {
      const atMs = strikesAt(toxic, sinceMs);
      if (atMs < first.atMs) first = { atMs, event: { kind: toxic.kind === "reset_peer" ? "reset" : "close" } };
    }
    return first;
  }
}

function strikesAt(toxic: Toxic, sinceMs: number): number {
  if (toxic.kind === "reset_peer") return sinceMs + toxic.afterMs;
  if (toxic.kind === "timeout" && toxic.afterMs > 0) return sinceMs + toxic.afterMs;
  return Number.POSITIVE_INFINITY;
}
