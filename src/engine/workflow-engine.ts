/**
 * Makes somebody look at a chat. One run of the loop per chat at any time, under the id `chat-<chatId>`.
 * Contract: tests/contract/workflow-engine.test.ts, on every driver.
 */
export interface WorkflowEngine {
  /** Starts the chat's loop, or tells the one under way to look again. Any number of calls is as good as one. */
  wake(chatId: string): Promise<void>;
  /** As `wake`, and ends what the loop waits for now: the cancel itself is a row in the store. */
  cancel(chatId: string): Promise<void>;
  /** Rejects with `unavailable` where runs cannot be started now. */
  check(signal: AbortSignal): Promise<void>;
  /** Ends what this process holds; loops under way go on elsewhere, or at the next start. */
  close(): Promise<void>;
}
