import type { ToolOutputChunk } from "../chat/chat-update.ts";
import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import type { DaemonFence } from "./daemons.ts";
import { WriteQueue } from "./write-queue.ts";

/** A write that may wait, and may be overtaken by a later one of the same daemon or call. */
export type DeferredWrite =
  | { readonly kind: "touch"; readonly fence: DaemonFence; readonly nowMs: number }
  | { readonly kind: "live_output"; readonly chunk: ToolOutputChunk };

/** What an entry costs beside its text; a touch is nothing else. */
const ENTRY_BYTES = 200;

/** The store's one write queue, bounded by LIMITS. */
export class DeferredWrites {
  private readonly queue: WriteQueue<DeferredWrite>;

  constructor(clock: Clock, writeAll: (writes: readonly DeferredWrite[]) => Promise<void>) {
    const log = logger("store", "write-queue");
    this.queue = new WriteQueue(
      clock,
      {
        maxEntries: LIMITS.writeQueueEntries,
        maxBytes: LIMITS.writeQueueBytes,
        flushMs: LIMITS.writeQueueFlushMs,
        retryMaxMs: LIMITS.startRetryMaxMs,
      },
      writeAll,
      {
        onDropped: (count) => log.warn("dropped writes that can wait: the queue is full", { count }),
        onFailed: (error) => log.warn("could not write what waits, will try again", { error: String(error) }),
      },
    );
  }

  get depth(): number {
    return this.queue.depth;
  }

  get dropped(): number {
    return this.queue.dropped;
  }

  touch(fence: DaemonFence, nowMs: number): void {
    this.queue.put(`touch ${fence.daemonId} ${fence.epoch}`, { kind: "touch", fence, nowMs }, ENTRY_BYTES);
  }

  saveLiveOutput(chunk: ToolOutputChunk): void {
    this.queue.put(`output ${chunk.toolCallId}`, { kind: "live_output", chunk }, ENTRY_BYTES + chunk.data.length);
  }

  close(): Promise<void> {
    return this.queue.close();
  }
}
