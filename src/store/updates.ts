import type { ChatUpdate, LiveBlock, ProviderWait, ToolOutputChunk, UserUpdate } from "../chat/chat-update.ts";

/** What streams read. */
export interface Updates {
  /** Updates with a number above, in order, at most `limit`. The caller has checked whose chat it is. */
  chatUpdates(chatId: string, afterSequence: number, limit: number): Promise<readonly ChatUpdate[]>;
  userUpdates(userId: string, afterSequence: number, limit: number): Promise<readonly UserUpdate[]>;
  /** Stored part of what is being written now. */
  liveBlocks(chatId: string): Promise<readonly LiveBlock[]>;
  /** The wait for the provider that the chat's answer is in, where its time is not over; whether anybody lives who waits is not known. */
  providerWait(chatId: string): Promise<ProviderWait | undefined>;
  /** The latest stored piece of the output of each running call. */
  liveOutput(chatId: string): Promise<readonly ToolOutputChunk[]>;
  /** Through the write queue: the latest piece of a call's output, a lossy view. */
  saveLiveOutput(chunk: ToolOutputChunk): void;
  /** Last numbers of many users and chats, in one query each. Unknown ids are left out. */
  lastSequences(of: {
    readonly userIds: readonly string[];
    readonly chatIds: readonly string[];
  }): Promise<{ readonly users: ReadonlyMap<string, number>; readonly chats: ReadonlyMap<string, number> }>;
}
