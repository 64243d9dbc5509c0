/** Something that an engine must be told, written in the transaction that made it true. */
export interface OutboxEntry {
  readonly id: string;
  readonly kind: "wake" | "cancel";
  readonly chatId: string;
}

export interface Outbox {
  /**
   * Entries that are older than `LIMITS.outboxAgeMs` and that nobody else has claimed; theirs for a while, then anybody's
   * again. Those that were never claimed first, then those whose claim ended first: what is refused each time keeps
   * nothing else from its turn.
   */
  claim(nowMs: number, limit: number): Promise<readonly OutboxEntry[]>;
  done(ids: readonly string[]): Promise<void>;
  /** What could not be told: anybody's again at once. */
  release(ids: readonly string[]): Promise<void>;
}
