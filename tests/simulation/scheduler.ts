import { drainMicrotasks } from "bun:jsc";

/** Whoever an event happens to. Dead: it never happens; frozen: it waits. */
export interface EventOwner {
  readonly isAlive: boolean;
  /** Takes an event that is due while it is frozen, and gives it back when it goes on. */
  readonly isFrozen: boolean;
  hold(event: SimEvent): void;
  /** Milliseconds that its timers stood still so far. */
  readonly stoodStillMs: number;
}

export interface SimEvent {
  atMs: number;
  readonly order: number;
  readonly owner: EventOwner | undefined;
  /** For timers: what `stoodStillMs` was when it was armed. */
  stoodStillMs: number | undefined;
  cancelled: boolean;
  readonly run: () => void;
}

/**
 * The order of everything: one heap of events in virtual time. An event is run together with all that it sets off
 * without waiting (promises, `setImmediate`), and only then comes the next one.
 */
export class Scheduler {
  private readonly heap: SimEvent[] = [];
  private readonly immediates: (() => void)[] = [];
  private order = 0;
  private time: number;

  constructor(startMs: number) {
    this.time = startMs;
  }

  get nowMs(): number {
    return this.time;
  }

  get waiting(): number {
    return this.heap.length;
  }

  /** `timer`: it stands still while its owner's machine sleeps. */
  at(atMs: number, owner: EventOwner | undefined, run: () => void, timer = false): SimEvent {
    const stoodStillMs = timer ? owner?.stoodStillMs : undefined;
    const event: SimEvent = { atMs, order: this.order++, owner, stoodStillMs, cancelled: false, run };
    this.push(event);
    return event;
  }

  after(ms: number, owner: EventOwner | undefined, run: () => void, timer = false): SimEvent {
    return this.at(this.time + Math.max(0, ms), owner, run, timer);
  }

  /** What production code does by `setImmediate`. */
  soon(run: () => void): void {
    this.immediates.push(run);
  }

  /** Gives back what was held for a frozen owner. */
  again(event: SimEvent): void {
    event.atMs = Math.max(event.atMs, this.time);
    this.push(event);
  }

  /** Runs the next event. False: there is none. */
  step(): boolean {
    for (;;) {
      const event = this.pop();
      if (event === undefined) return false;
      const { owner } = event;
      if (event.cancelled || owner?.isAlive === false) continue;
      if (owner?.isFrozen === true) {
        owner.hold(event);
        continue;
      }
      const slept = (owner?.stoodStillMs ?? 0) - (event.stoodStillMs ?? owner?.stoodStillMs ?? 0);
      if (slept > 0) {
        event.stoodStillMs = owner?.stoodStillMs;
        event.atMs += slept;
        this.push(event);
        continue;
      }
      this.time = Math.max(this.time, event.atMs);
      event.run();
      this.settle();
      return true;
    }
  }

  /** Nothing happens any more. What a listener still holds of a run is little then: a signal that nobody aborts keeps its own. */
  close(): void {
    this.heap.length = 0;
    this.immediates.length = 0;
  }

  /** Lets everything run that waits for nothing. */
  settle(): void {
    drainMicrotasks();
    for (let run = this.immediates.shift(); run !== undefined; run = this.immediates.shift()) {
      run();
      drainMicrotasks();
    }
  }

  private push(event: SimEvent): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !before(event, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  private pop(): SimEvent | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      if (left === undefined) break;
      const right = heap[2 * at + 2];
      const takesRight = right !== undefined && before(right, left);
      const child = takesRight ? right : left;
      if (!before(child, last)) break;
      heap[at] = child;
      at = 2 * at + (takesRight ? 2 : 1);
    }
    heap[at] = last;
    return first;
  }
}

function before(one: SimEvent, other: SimEvent): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
