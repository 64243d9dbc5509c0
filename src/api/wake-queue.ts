import { Batches } from "../core/batches.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import type { WorkflowEngine } from "../engine/workflow-engine.ts";
import type { Store } from "../store/store.ts";

/**
 * Tells the engine of chats whose rows stand. Nobody waits for it: a message is accepted with its row, and the engine may
 * be slow. What the engine does not take, and what finds no room here, stays in the outbox, which is repeated.
 */
export class WakeQueue {
  private readonly log = logger("api", "wakes");
  /** Outbox rows by chat, the oldest first: a chat that waits is woken once for all of its rows. */
  private readonly waiting = new Map<string, string[]>();
  private waitingRows = 0;
  private readonly underWay = new Set<Promise<void>>();
  private readonly cleared: Batches<string, void>;
  private stopping = false;

  constructor(
    private readonly deps: {
      readonly store: Pick<Store, "outbox">;
      readonly engine: Pick<WorkflowEngine, "wake">;
      readonly clock: Clock;
    },
  ) {
    const { outbox } = deps.store;
    this.cleared = new Batches({
      act: "clear outbox",
      maxItems: LIMITS.outboxBatch,
      maxWaiting: LIMITS.wakesWaiting,
      maxAlone: LIMITS.storeBatchAlone,
      keyOf: (id) => id,
      together: async (ids) => {
        await outbox.done(ids);
        return ids.map(() => undefined);
      },
      alone: (id) => outbox.done([id]),
    });
  }

  /** Never throws and never waits; the engine is asked before this returns where its turn is now. */
  wake(chatId: string, outboxId: string): void {
    if (this.stopping || this.waitingRows >= LIMITS.wakesWaiting) {
      this.log.debug("a wake is left to the outbox", { chatId });
      return;
    }
    const rows = this.waiting.get(chatId);
    if (rows === undefined) this.waiting.set(chatId, [outboxId]);
    else rows.push(outboxId);
    this.waitingRows++;
    this.begin();
  }

  /**
   * Resolves when the engine was told of what waits, after `LIMITS.wakesStopMs` at the latest; of the rest, and once it
   * refuses anything, the outbox tells.
   */
  async stop(): Promise<void> {
    this.stopping = true;
    const { promise: timeUp, resolve } = Promise.withResolvers<void>();
    const disarm = this.deps.clock.after(LIMITS.wakesStopMs, () => {
      this.leaveRest();
      resolve();
    });
    const allTold = async () => {
      while (this.underWay.size > 0) await Promise.all(this.underWay);
    };
    await Promise.race([allTold(), timeUp]);
    disarm();
  }

  private begin(): void {
    for (const [chatId, outboxIds] of this.waiting) {
      if (this.underWay.size >= LIMITS.wakesAtOnce) return;
      this.waiting.delete(chatId);
      this.waitingRows -= outboxIds.length;
      const told = this.tell(chatId, outboxIds).finally(() => {
        this.underWay.delete(told);
        this.begin();
      });
      this.underWay.add(told);
    }
  }

  private async tell(chatId: string, outboxIds: readonly string[]): Promise<void> {
    try {
      await this.deps.engine.wake(chatId);
      await Promise.all(outboxIds.map((id) => this.clear(chatId, id)));
    } catch (error) {
      this.log.warn("the engine was not told of a message: the outbox will repeat", {
        chatId,
        reason: messageOf(error),
      });
      if (this.stopping) this.leaveRest();
    }
  }

  private async clear(chatId: string, outboxId: string): Promise<void> {
    try {
      await this.cleared.do(outboxId);
    } catch (error) {
      this.log.warn("the engine was told of a message, and its outbox row stays: the outbox will tell again", {
        chatId,
        reason: messageOf(error),
      });
    }
  }

  private leaveRest(): void {
    if (this.waitingRows > 0) this.log.debug("wakes are left to the outbox", { count: this.waitingRows });
    this.waiting.clear();
    this.waitingRows = 0;
  }
}
