import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";

export interface WriteQueueBounds {
  /** Entries that wait; a new key beyond it is dropped. */
  readonly maxEntries: number;
  /** Their size together, in what `put` is told. */
  readonly maxBytes: number;
  /** From the first entry until it is written. */
  readonly flushMs: number;
  /** Longest wait after writes that failed. */
  readonly retryMaxMs: number;
}

interface Entry<Value> {
  readonly value: Value;
  readonly bytes: number;
}

/**
 * Writes that can wait: the latest value of each key, written together after a short while. It never delays who puts
 * something in; what does not fit is dropped, counted and told. A failed write is tried again with what came meanwhile.
 */
export class WriteQueue<Value> {
  private entries = new Map<string, Entry<Value>>();
  private bytes = 0;
  private droppedCount = 0;
  private untold = 0;
  private failures = 0;
  private stopTimer: (() => void) | undefined;
  private flushing: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly bounds: WriteQueueBounds,
    private readonly writeAll: (values: readonly Value[]) => Promise<void>,
    private readonly tell: {
      onDropped(count: number): void;
      onFailed(error: unknown): void;
    },
  ) {}

  get depth(): number {
    return this.entries.size;
  }

  get dropped(): number {
    return this.droppedCount;
  }

  put(key: string, value: Value, bytes: number): void {
    this.take(key, value, bytes);
    if (!this.closed) this.arm(this.bounds.flushMs);
  }

  private take(key: string, value: Value, bytes: number): void {
    const before = this.entries.get(key);
    const entries = this.entries.size + (before === undefined ? 1 : 0);
    const total = this.bytes + bytes - (before?.bytes ?? 0);
    if (this.closed || entries > this.bounds.maxEntries || total > this.bounds.maxBytes) {
      this.droppedCount++;
      this.untold++;
    } else {
      this.entries.set(key, { value, bytes });
      this.bytes = total;
    }
  }

  /** Writes what is queued now. Failures are told, and the entries stay. */
  flush(): Promise<void> {
    this.flushing = this.flushing.then(() => this.writeQueued());
    return this.flushing;
  }

  /** Writes once what is queued; nothing is taken any more. */
  async close(): Promise<void> {
    this.closed = true;
    await this.flush();
    this.tellDropped();
    this.stopTimer?.();
    this.stopTimer = undefined;
  }

  private arm(ms: number): void {
    this.stopTimer ??= this.clock.after(ms, () => {
      this.stopTimer = undefined;
      void this.flush();
    });
  }

  private async writeQueued(): Promise<void> {
    this.tellDropped();
    if (this.entries.size === 0) return;
    const taken = this.entries;
    this.entries = new Map();
    this.bytes = 0;
    try {
      await this.writeAll([...taken.values()].map(({ value }) => value));
      this.failures = 0;
    } catch (error) {
      this.tell.onFailed(error);
      this.putBack(taken);
      const { flushMs, retryMaxMs } = this.bounds;
      // In place of the short wait that something put in meanwhile has begun.
      this.stopTimer?.();
      this.stopTimer = undefined;
      if (!this.closed) this.arm(backoffMs(this.failures++, { baseMs: flushMs, maxMs: retryMaxMs }));
    }
  }

  private tellDropped(): void {
    if (this.untold > 0) this.tell.onDropped(this.untold);
    this.untold = 0;
  }

  /** What came meanwhile is newer and stays. */
  private putBack(taken: ReadonlyMap<string, Entry<Value>>): void {
    for (const [key, { value, bytes }] of taken) if (!this.entries.has(key)) this.take(key, value, bytes);
  }
}
