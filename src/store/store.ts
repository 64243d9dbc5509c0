import type { Approvals } from "./approvals.ts";
import type { Chats } from "./chats.ts";
import type { Daemons } from "./daemons.ts";
import type { Outbox } from "./outbox.ts";
import type { Projects } from "./projects.ts";
import type { Tokens } from "./tokens.ts";
import type { ToolCalls } from "./tool-calls.ts";
import type { Turns } from "./turns.ts";
import type { Updates } from "./updates.ts";
import type { Accounts } from "./users.ts";
import type { Workflows } from "./workflows.ts";

/**
 * The truth: one port an aggregate, over one database. Each method is one transaction, and all of its writes stand or
 * none. Contract: tests/contract/store/, on every driver.
 *
 * Errors of every method: `unavailable` where the database is away (the same call may be repeated), `not_found`,
 * `conflict` and the others as each method says. Ids of another user answer `not_found`.
 */
export interface Store {
  readonly users: Accounts;
  readonly tokens: Tokens;
  readonly daemons: Daemons;
  readonly projects: Projects;
  readonly chats: Chats;
  readonly turns: Turns;
  readonly toolCalls: ToolCalls;
  readonly approvals: Approvals;
  readonly workflows: Workflows;
  readonly updates: Updates;
  readonly outbox: Outbox;
  /** Rejects with `unavailable` where the database does not answer. */
  check(signal: AbortSignal): Promise<void>;
  stats(): StoreStats;
  /** Writes what is queued, then closes. */
  close(): Promise<void>;
}

export interface StoreStats {
  /** Writes that can wait and have not been made yet. */
  readonly writeQueueDepth: number;
  /** Of `LIMITS.writeQueueEntries`; what came beyond it was dropped, and counted. */
  readonly writeQueueDropped: number;
  readonly poolSize: number;
  readonly transactionsOpen: number;
}

/** A new number that stands in the store: what a store tells the hub after each commit. */
export type Announcement =
  | { readonly kind: "chat_sequence"; readonly userId: string; readonly chatId: string; readonly sequence: number }
  | { readonly kind: "user_sequence"; readonly userId: string; readonly sequence: number };
