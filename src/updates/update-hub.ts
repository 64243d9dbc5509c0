import type { BlockDelta, ToolOutputChunk } from "../chat/chat-update.ts";

/** What goes through the hub: announcements of numbers that stand in the store, and live text without a number. */
export type HubEvent =
  | { readonly kind: "chat_sequence"; readonly userId: string; readonly chatId: string; readonly sequence: number }
  | { readonly kind: "user_sequence"; readonly userId: string; readonly sequence: number }
  | { readonly kind: "delta"; readonly userId: string; readonly delta: BlockDelta }
  | { readonly kind: "tool_output"; readonly userId: string; readonly chunk: ToolOutputChunk };

export interface HubSubscription {
  /**
   * Resolves when events from now on will come (the server knows of the subscription). Rejects with `unavailable` where the
   * hub is away: when it is there again they come, `onLoss` first.
   */
  readonly ready: Promise<void>;
  /** Ends it; nothing is called after. */
  close(): void;
}

/**
 * Announces to every process. Loses rather than waits: whoever missed something reads the store.
 * Contract: tests/contract/update-hub.test.ts.
 */
export interface UpdateHub {
  /** Never waits, never throws for a hub that is away. */
  publish(event: HubEvent): void;
  /** `onLoss` is called when events may have been missed (reconnect, overflow): read the store. Handlers must not block. */
  subscribe(userId: string, handlers: { onEvent(event: HubEvent): void; onLoss(): void }): HubSubscription;
  /** Rejects with `unavailable` where the hub cannot carry events now. */
  check(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
