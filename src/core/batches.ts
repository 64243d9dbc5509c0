import { type ErrorCode, ReliantError } from "./errors.ts";

/** The answer for an item that another transaction holds up: the batch went on without it. */
export class HeldUp {
  /** `by`: what is held, where it is not the item's own and may hold up others as well. */
  constructor(readonly by?: string) {}
}

export interface BatchOptions<Item, Result> {
  /** For messages: `read tokens`. */
  readonly act: string;
  readonly maxItems: number;
  /** Beyond it `resource_exhausted`. */
  readonly maxWaiting: number;
  /** How many are done alone at once, where their batch failed. */
  readonly maxAlone: number;
  /**
   * How many that are held up, or groups that one thing holds up, are done at once beside the batches. Where it is set, one
   * item for itself is done there, too: nobody waits for what may hold it up.
   */
  readonly maxAside?: number;
  /** Of several items with one key only one is in a batch. */
  keyOf(item: Item): string;
  /** For reads: all that wait with one key get one answer. */
  readonly shared?: boolean;
  /** Results in the order of the items. Where it throws, each of them is done alone; `HeldUp` only with `maxAside`. */
  together(items: readonly Item[]): Promise<readonly (Result | HeldUp)[]>;
  /** The same aside, for those that one thing holds up: it waits for that, and for nothing else. Default: each is done alone. */
  readonly togetherBehind?: (by: string, items: readonly Item[]) => Promise<readonly (Result | HeldUp)[]>;
  alone(item: Item): Promise<Result>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
  /** From here on it stays, whether or not somebody waits for it. */
  keep(): void;
}

/** One item of a batch, and everybody who waits for its answer. */
interface Share<Item, Result> {
  readonly key: string;
  readonly item: Item;
  readonly waiting: readonly Waiting<Item, Result>[];
}

/** Shares that wait for one thing. */
interface Group<Item, Result> {
  readonly name: string;
  readonly by: string | undefined;
  readonly shares: Share<Item, Result>[];
}

/** The store is away for all of a batch: asking for each alone would only make it worse. A conflict is about one of them. */
const AWAY: readonly ErrorCode[] = ["unavailable", "deadline_exceeded", "resource_exhausted"];

/**
 * Does many small things as few large ones: while one batch is under way the next one gathers, so that one alone never
 * waits and ten thousand at once are some twenty batches. Keys take turns: a key that comes often holds up only itself.
 */
export class Batches<Item, Result> {
  /** By key, in the order of their turns. */
  private readonly lanes = new Map<string, Set<Waiting<Item, Result>>>();
  private waitingCount = 0;
  private busy = false;
  /** Held up, by the name of what they wait for, in the order in which they are done; their keys, until they have been. */
  private readonly aside = new Map<string, Group<Item, Result>>();
  private readonly keysAside = new Set<string>();
  /** Names of the groups that are being done: one for each at a time, so that one thing that is held takes one place. */
  private readonly doingAside = new Set<string>();

  constructor(private readonly options: BatchOptions<Item, Result>) {}

  /** What waits for its batch when the signal aborts is not done at all: `cancelled`. */
  do(item: Item, signal?: AbortSignal): Promise<Result> {
    const { act, maxWaiting } = this.options;
    if (signal?.aborted) return Promise.reject(cancelled(act, signal));
    if (this.waitingCount >= maxWaiting) {
      return Promise.reject(new ReliantError("resource_exhausted", `${act}: ${maxWaiting} others wait`));
    }
    return new Promise((resolve, reject) => {
      const key = this.options.keyOf(item);
      const onAbort = () => {
        this.remove(key, each);
        reject(cancelled(act, signal));
      };
      const keep = () => signal?.removeEventListener("abort", onAbort);
      const each: Waiting<Item, Result> = { item, resolve, reject, keep };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.add(key, each);
      this.wake();
    });
  }

  private add(key: string, each: Waiting<Item, Result>): void {
    this.waitingCount++;
    const lane = this.lanes.get(key);
    if (lane === undefined) this.lanes.set(key, new Set([each]));
    else lane.add(each);
  }

  private remove(key: string, each: Waiting<Item, Result>): void {
    const lane = this.lanes.get(key);
    if (lane?.delete(each)) this.waitingCount--;
    if (lane?.size === 0) this.lanes.delete(key);
  }

  private wake(): void {
    if (!this.busy) void this.run();
  }

  private async run(): Promise<void> {
    this.busy = true;
    for (let batch = this.takeBatch(); batch.length > 0; batch = this.takeBatch()) await this.doBatch(batch);
    this.busy = false;
  }

  private takeBatch(): readonly Share<Item, Result>[] {
    const taken: [string, Set<Waiting<Item, Result>>][] = [];
    for (const entry of this.lanes) {
      if (taken.length >= this.options.maxItems) break;
      // What comes after one that is held up comes after it.
      if (!this.keysAside.has(entry[0])) taken.push(entry);
    }
    return taken.flatMap(([key, lane]) => {
      const [first] = lane;
      if (first === undefined) return [];
      const waiting = this.options.shared ? [...lane] : [first];
      for (const each of waiting) {
        each.keep();
        this.remove(key, each);
      }
      // To the end: the other keys come before its next one.
      if (this.lanes.delete(key)) this.lanes.set(key, lane);
      return [{ key, item: first.item, waiting }];
    });
  }

  private async doBatch(batch: readonly Share<Item, Result>[]): Promise<void> {
    const { maxAside } = this.options;
    const [only] = batch;
    if (batch.length === 1 && only !== undefined && this.doingAside.size < (maxAside ?? 0)) {
      this.putAside(only);
      return this.wakeAside();
    }
    if (batch.length > 1 || maxAside !== undefined) {
      const settle = await this.tryTogether(batch, (items) => this.options.together(items));
      if (settle !== undefined) return settle();
    }
    await this.doAlone(batch);
  }

  /** What gives each its answer; undefined where each of them is to be done alone. */
  private async tryTogether(
    batch: readonly Share<Item, Result>[],
    together: (items: readonly Item[]) => Promise<readonly (Result | HeldUp)[]>,
  ): Promise<(() => void) | undefined> {
    try {
      const results = await together(batch.map(({ item }) => item));
      return () => this.settle(batch, results);
    } catch (error) {
      if (!(error instanceof ReliantError) || !AWAY.includes(error.code)) return undefined;
      return () => {
        for (const share of batch) rejectAll(share, error);
      };
    }
  }

  private settle(batch: readonly Share<Item, Result>[], results: readonly (Result | HeldUp)[]): void {
    for (const [index, result] of results.entries()) {
      const share = batch[index];
      if (share === undefined) break;
      if (result instanceof HeldUp) this.putAside(share, result.by);
      else for (const { resolve } of share.waiting) resolve(result);
    }
    const { act } = this.options;
    for (const share of batch.slice(results.length)) {
      rejectAll(
        share,
        new ReliantError("internal", `${act}: a batch of ${batch.length} had ${results.length} results`),
      );
    }
    this.wakeAside();
  }

  private putAside(share: Share<Item, Result>, by?: string): void {
    this.waitingCount += share.waiting.length;
    this.keysAside.add(share.key);
    const name = by === undefined ? `itself ${share.key}` : `by ${by}`;
    const group = this.aside.get(name);
    if (group === undefined) this.aside.set(name, { name, by, shares: [share] });
    else group.shares.push(share);
  }

  private wakeAside(): void {
    for (const group of this.aside.values()) {
      if (this.doingAside.size >= (this.options.maxAside ?? 0)) return;
      if (!this.doingAside.has(group.name)) void this.doAside(group);
    }
  }

  private async doAside(group: Group<Item, Result>): Promise<void> {
    const { maxItems } = this.options;
    const { name, by } = group;
    const shares = group.shares.splice(0, maxItems);
    // To the end: the other groups come before its next ones.
    this.aside.delete(name);
    if (group.shares.length > 0) this.aside.set(name, group);
    this.doingAside.add(name);
    const settle = await this.tryBehind(by, shares);
    this.doingAside.delete(name);
    for (const share of shares) {
      this.waitingCount -= share.waiting.length;
      this.keysAside.delete(share.key);
    }
    settle?.();
    this.wakeAside();
    this.wake();
  }

  /** What gives each its answer; undefined where each of them was done alone, and has it. */
  private async tryBehind(
    by: string | undefined,
    shares: readonly Share<Item, Result>[],
  ): Promise<(() => void) | undefined> {
    const { togetherBehind } = this.options;
    if (by !== undefined && togetherBehind !== undefined) {
      const settle = await this.tryTogether(shares, (items) => togetherBehind(by, items));
      if (settle !== undefined) return settle;
    }
    const [only] = shares;
    if (shares.length === 1 && only !== undefined) return this.tryAlone(only);
    await this.doAlone(shares);
    return undefined;
  }

  private async doAlone(batch: readonly Share<Item, Result>[]): Promise<void> {
    const left = batch.values();
    const doNext = async () => {
      for (const share of left) (await this.tryAlone(share))();
    };
    await Promise.all(Array.from({ length: Math.min(this.options.maxAlone, batch.length) }, doNext));
  }

  private async tryAlone({ item, waiting }: Share<Item, Result>): Promise<() => void> {
    try {
      const result = await this.options.alone(item);
      return () => waiting.forEach(({ resolve }) => void resolve(result));
    } catch (error) {
      return () => waiting.forEach(({ reject }) => void reject(error));
    }
  }
}

function rejectAll<Item, Result>({ waiting }: Share<Item, Result>, error: unknown): void {
  for (const { reject } of waiting) reject(error);
}

function cancelled(act: string, signal: AbortSignal | undefined): ReliantError {
  return new ReliantError("cancelled", `${act}: nobody waits for it any more`, { cause: signal?.reason });
}
