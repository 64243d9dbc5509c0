import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import type { Store } from "../store/store.ts";

/** A stream as the poller sees it. */
export interface PolledStream {
  readonly userId: string;
  readonly chatIds: readonly string[];
  onUserSequence(sequence: number): void;
  onChatSequence(chatId: string, sequence: number): void;
}

/**
 * Finds an announcement that was lost and that no later one follows: the last numbers of all streams of this replica, in
 * one query every `LIMITS.streamPollMs`.
 */
export class SequencePoller {
  private readonly log = logger("api", "poller");
  private readonly streams = new Set<PolledStream>();
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(private readonly deps: { readonly store: Pick<Store, "updates">; readonly clock: Clock }) {}

  /** The answer takes the stream out again. */
  add(stream: PolledStream): () => void {
    this.streams.add(stream);
    return () => this.streams.delete(stream);
  }

  start(): void {
    this.running ??= this.repeat();
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error("the poller stops"));
    await this.running;
  }

  private async repeat(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      // Only the stop rejects it, and the loop sees that itself.
      await this.deps.clock.sleep(LIMITS.streamPollMs, signal).catch(() => undefined);
      if (signal.aborted || this.streams.size === 0) continue;
      await this.once().catch((error: unknown) => {
        this.log.warn("the streams' numbers could not be read", { reason: String(error) });
      });
    }
  }

  async once(): Promise<void> {
    const streams = [...this.streams];
    const last = await this.deps.store.updates.lastSequences({
      userIds: [...new Set(streams.map((stream) => stream.userId))],
      chatIds: [...new Set(streams.flatMap((stream) => stream.chatIds))],
    });
    for (const stream of streams) {
      stream.onUserSequence(last.users.get(stream.userId) ?? 0);
      for (const chatId of stream.chatIds) stream.onChatSequence(chatId, last.chats.get(chatId) ?? 0);
    }
  }
}
