import { AsyncLocalStorage } from "node:async_hooks";
import type { LedgerEvent } from "../../src/chat/transitions.ts";
import type { DaemonFence } from "../../src/store/daemons.ts";

/** What a write of the store is for, and whose right it claims: what the invariants about a commit look at. */
export type Claim =
  | {
      readonly kind: "call";
      readonly toolCallId: string;
      readonly event: LedgerEvent;
      /** Where a daemon speaks. */
      readonly fence?: DaemonFence;
    }
  /** That daemons came or went: those that are on their way, in one batch or in several. */
  | { readonly kind: "marks"; readonly fences: readonly DaemonFence[] };

export const claims = new AsyncLocalStorage<Claim>();
