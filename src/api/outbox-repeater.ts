import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import { Periodic } from "../core/periodic.ts";
import type { WorkflowEngine } from "../engine/workflow-engine.ts";
import type { OutboxEntry } from "../store/outbox.ts";
import type { Store } from "../store/store.ts";

/** Tells the engine again what stands in the outbox for too long. Every API replica runs one; claims never overlap. */
export class OutboxRepeater {
  private readonly log = logger("api", "outbox");
  private readonly loop: Periodic;

  constructor(
    private readonly deps: {
      readonly store: Pick<Store, "outbox">;
      readonly engine: Pick<WorkflowEngine, "wake" | "cancel">;
      readonly clock: Clock;
    },
  ) {
    const { clock } = deps;
    this.loop = new Periodic(() => this.once(), {
      name: "repeat the outbox",
      everyMs: LIMITS.outboxAgeMs,
      // What a replica left that has died is told by the next one that starts.
      firstAfterMs: 0,
      clock,
      log: this.log,
    });
  }

  start(): void {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /**
   * Repeats what is old enough now, batch after batch, and looks behind one of which nothing could be told: the engine may
   * refuse those for their own sake. Where it takes nothing at all it is away, and all is given back, so that the next
   * look finds it, whoever looks; what it refused beside others waits until its claim ends. Answers how many were told.
   */
  async once(): Promise<number> {
    const { outbox } = this.deps.store;
    let told = 0;
    const refused: string[] = [];
    for (let failures = 0; failures < LIMITS.outboxFailedBatches; ) {
      const entries = await outbox.claim(this.deps.clock.now(), LIMITS.outboxBatch);
      const answer = await this.tell(entries);
      await outbox.done(answer.done);
      told += answer.done.length;
      refused.push(...answer.refused);
      failures = answer.done.length === 0 ? failures + 1 : 0;
      if (entries.length < LIMITS.outboxBatch) break;
    }
    if (told === 0) await outbox.release(refused);
    return told;
  }

  private async tell(entries: readonly OutboxEntry[]) {
    const { engine } = this.deps;
    const told = await Promise.allSettled(
      entries.map((entry) => (entry.kind === "cancel" ? engine.cancel(entry.chatId) : engine.wake(entry.chatId))),
    );
    const idsOf = (status: "fulfilled" | "rejected") =>
      entries.filter((_, index) => told[index]?.status === status).map(({ id }) => id);
    return { done: idsOf("fulfilled"), refused: idsOf("rejected") };
  }
}
