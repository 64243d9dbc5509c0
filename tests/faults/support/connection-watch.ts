import type { ToxicProxy } from "../../../src/stack/toxic-proxy.ts";

/** Looks at this pace, milliseconds. */
const PACE_MS = 5;

/** Looks again and again at how many connections go through each proxy. */
export class ConnectionWatch implements Disposable {
  private readonly seen: Map<ToxicProxy, { fewest: number; most: number }>;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(proxies: readonly ToxicProxy[]) {
    this.seen = new Map(proxies.map((proxy) => [proxy, { fewest: proxy.connections, most: proxy.connections }]));
    this.timer = setInterval(() => {
      for (const [proxy, counts] of this.seen) {
        counts.fewest = Math.min(counts.fewest, proxy.connections);
        counts.most = Math.max(counts.most, proxy.connections);
      }
    }, PACE_MS);
  }

  /** What was seen of each proxy, in their order. */
  get counts(): readonly { readonly fewest: number; readonly most: number }[] {
    return [...this.seen.values()];
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }
}
