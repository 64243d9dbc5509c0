import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import { Periodic } from "../core/periodic.ts";
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
 * a few queries every `LIMITS.streamPollMs`.
 */
export class SequencePoller {
  private readonly log = logger("api", "poller");
  private readonly streams = new Set<PolledStream>();
  private readonly loop: Periodic;

  constructor(private readonly deps: { readonly store: Pick<Store, "updates">; readonly clock: Clock }) {
    const { clock } = deps;
    this.loop = new Periodic(() => this.once(), {
      name: "read the streams' numbers",
      everyMs: LIMITS.streamPollMs,
      clock,
      log: this.log,
    });
  }

  /** The answer takes the stream out again. */
  add(stream: PolledStream): () => void {
    this.streams.add(stream);
    return () => this.streams.delete(stream);
  }

  start(): void {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** So many streams a query: what comes back for all of them at once would hold up everything else meanwhile. */
  async once(): Promise<void> {
    const streams = [...this.streams];
    for (let at = 0; at < streams.length; at += LIMITS.streamPollBatch) {
      await this.read(streams.slice(at, at + LIMITS.streamPollBatch));
    }
  }

  private async read(streams: readonly PolledStream[]): Promise<void> {
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
