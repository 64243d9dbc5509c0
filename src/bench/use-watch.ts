import type { Readiness } from "./ready-reader.ts";

/** One session of Postgres, as whoever listens to both of its ends tells of it. */
export interface WatchedSession {
  /** How often its server was asked so far for the next {@link answered}. */
  asked(times: number): void;
  answered(readiness: Readiness): void;
  closed(): void;
}

/** How many sessions of a database are open, and busy, at the same moment; and for how long they waited for an answer. */
export class UseWatch {
  private open = 0;
  private busy = 0;
  private mostOpen = 0;
  private mostBusy = 0;
  private longestMs = 0;

  constructor(private readonly nowMs: () => number) {}

  opened(): WatchedSession {
    this.open += 1;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    const waitingSinceMs: number[] = [];
    let [askedTimes, inTransaction, isBusy] = [0, false, false];
    const note = (next: boolean) => {
      if (next !== isBusy) this.busy += next ? 1 : -1;
      isBusy = next;
      this.mostBusy = Math.max(this.mostBusy, this.busy);
    };
    return {
      asked: (times) => {
        for (; askedTimes < times; askedTimes++) waitingSinceMs.push(this.nowMs());
        note(inTransaction || waitingSinceMs.length > 0);
      },
      answered: (readiness) => {
        // A server that has let a client in says that it is ready, too: nobody had asked.
        const sinceMs = waitingSinceMs.shift();
        if (sinceMs !== undefined) this.longestMs = Math.max(this.longestMs, this.nowMs() - sinceMs);
        inTransaction = readiness !== "idle";
        note(inTransaction || waitingSinceMs.length > 0);
      },
      closed: () => {
        this.open -= 1;
        note(false);
      },
    };
  }

  /** Since the last time; what is open and busy now counts for the next one. */
  take(): { readonly mostOpen: number; readonly mostBusy: number; readonly longestMs: number } {
    const { mostOpen, mostBusy, longestMs } = this;
    [this.mostOpen, this.mostBusy, this.longestMs] = [this.open, this.busy, 0];
    return { mostOpen, mostBusy, longestMs };
  }
}
