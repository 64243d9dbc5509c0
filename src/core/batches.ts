import { ReliantError } from "./errors.ts";

export interface BatchOptions<Item, Result> {
  /** For messages: `read tokens`. */
  readonly act: string;
  readonly maxItems: number;
  /** Beyond it `resource_exhausted`. */
  readonly maxWaiting: number;
  /** Of several items with one key only one is in a batch. */
  keyOf(item: Item): string;
  /** Results in the order of the items. Where it throws, each of them is done alone. */
  together(items: readonly Item[]): Promise<readonly Result[]>;
  alone(item: Item): Promise<Result>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Does many small things as few large ones: while one batch is under way the next one gathers, so that one alone never
 * waits and ten thousand at once are some twenty batches.
 */
export class Batches<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private busy = false;

  constructor(private readonly options: BatchOptions<Item, Result>) {}

  do(item: Item): Promise<Result> {
    const { act, maxWaiting } = this.options;
    if (this.waiting.length >= maxWaiting) {
      return Promise.reject(new ReliantError("resource_exhausted", `${act}: ${maxWaiting} others wait`));
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (!this.busy) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.busy = true;
    while (this.waiting.length > 0) await this.doBatch(this.takeBatch());
    this.busy = false;
  }

  private takeBatch(): readonly Waiting<Item, Result>[] {
    const batch = new Map<string, Waiting<Item, Result>>();
    const later: Waiting<Item, Result>[] = [];
    for (const each of this.waiting) {
      const key = this.options.keyOf(each.item);
      if (batch.size >= this.options.maxItems || batch.has(key)) later.push(each);
      else batch.set(key, each);
    }
    this.waiting = later;
    return [...batch.values()];
  }

  private async doBatch(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    if (batch.length > 1) {
      try {
        const results = await this.options.together(batch.map(({ item }) => item));
        for (const [index, result] of results.entries()) batch[index]?.resolve(result);
        return;
      } catch (error) {
        // The store is away for all of them: asking for each alone would only make it worse.
        if (error instanceof ReliantError && error.row.retryable) {
          for (const each of batch) each.reject(error);
          return;
        }
      }
    }
    for (const { item, resolve, reject } of batch) await this.options.alone(item).then(resolve, reject);
  }
}
