/**
 * A first-in first-out queue with a maximum and one reader. `push` answers false when it is full or closed: the caller
 * says what was lost. Reading by `for await` ends when the queue is closed and empty, or throws what it was failed with.
 */
export class BoundedQueue<T> implements AsyncIterable<T> {
  private readonly items: T[] = [];
  private waiting: (() => void) | undefined;
  private closed = false;
  private failure: unknown;

  constructor(readonly max: number) {}

  get size(): number {
    return this.items.length;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  push(item: T): boolean {
    if (this.closed || this.items.length >= this.max) return false;
    this.items.push(item);
    this.wake();
    return true;
  }

  /** Puts the item before all others: for control frames, which overtake. Same bound. */
  pushFirst(item: T): boolean {
    if (this.closed || this.items.length >= this.max) return false;
    this.items.unshift(item);
    this.wake();
    return true;
  }

  /** No more items come; what is queued is still read. */
  close(): void {
    this.closed = true;
    this.wake();
  }

  /** Ends the reader with an error after what is queued. */
  fail(error: unknown): void {
    if (this.closed) return;
    this.failure = error;
    this.close();
  }

  /** Takes everything that is queued now, without waiting. */
  drain(): T[] {
    return this.items.splice(0);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const item = this.items.shift();
      if (item !== undefined) {
        yield item;
        continue;
      }
      if (this.closed) {
        if (this.failure !== undefined) throw this.failure;
        return;
      }
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
  }

  private wake(): void {
    this.waiting?.();
    this.waiting = undefined;
  }
}
