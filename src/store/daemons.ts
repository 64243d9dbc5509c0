export interface Daemon {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly platform: string;
  readonly version: string;
  /** Counts connections; 0 before the first. Whoever holds it may write. */
  readonly epoch: number;
  readonly gatewayId?: string;
  readonly instanceId?: string;
  readonly journalId?: string;
  readonly startCount: number;
  /** Whether the epoch's connection stands, as far as the store was told. Online means also: seen within `LIMITS.onlineMs`. */
  readonly connected: boolean;
  readonly lastSeenAtMs?: number;
  readonly createdAtMs: number;
}

/** The right to write for a daemon: its epoch, compared with the row's under its lock. */
export interface DaemonFence {
  readonly daemonId: string;
  readonly epoch: number;
}

export interface HelloClaim {
  readonly userId: string;
  readonly daemonId: string;
  /** The epoch that the daemon believes to be in force; 0 for none. */
  readonly lastEpoch: number;
  readonly instanceId: string;
  readonly journalId: string;
  readonly startCount: number;
  readonly gatewayId: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly platform: string;
  readonly version: string;
}

export type HelloAnswer =
  | { readonly kind: "taken"; readonly epoch: number }
  /** The epoch is another one: say hello again with it. */
  | { readonly kind: "epoch"; readonly currentEpoch: number }
  /** Same journal id, but the start counter is lower than the last one seen, or the same from another instance: a restored backup. */
  | { readonly kind: "journal" }
  /** Another instance holds a connection that was made after this one's last. */
  | { readonly kind: "replaced" }
  /** The daemon id belongs to another user. */
  | { readonly kind: "identity" };

export interface Daemons {
  /**
   * Moves the epoch from the one named to the next (compare-and-set), and notes who holds it, not yet as connected.
   * A daemon id that is new is made. A daemon that named an older epoch than the row's, while the row's newest
   * connection is of another instance with a start later than its own, was replaced (`replaced`); otherwise it is told
   * the current epoch. Where it comes with another journal than the row's, calls that run under any other one are
   * `unknown` from here on, numbered in the same transaction. Where the signal aborts while the claim waits for its turn,
   * nothing moves: `cancelled`.
   */
  hello(claim: HelloClaim, signal?: AbortSignal): Promise<HelloAnswer>;
  /** After subscribing: from now on it counts as connected. False where the epoch has moved. A user update. */
  markConnected(fence: DaemonFence, nowMs: number): Promise<boolean>;
  /** Only while the epoch is the row's. A user update. */
  markDisconnected(fence: DaemonFence): Promise<void>;
  /** Last-seen of many daemons, through the write queue: one statement; rows of another epoch stay. */
  touch(fences: readonly DaemonFence[], nowMs: number): void;
  /** Epochs of those that are no longer the row's. One query. */
  supersededAmong(fences: readonly DaemonFence[]): Promise<ReadonlySet<string>>;
  find(userId: string, daemonId: string): Promise<Daemon | undefined>;
  list(userId: string): Promise<readonly Daemon[]>;
  /** The user's default: connected, seen within `LIMITS.onlineMs`, most recently connected. */
  findDefault(userId: string, nowMs: number): Promise<Daemon | undefined>;
}
