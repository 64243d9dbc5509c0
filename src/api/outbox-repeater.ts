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

  /** Repeats what is old enough now, batch after batch until one is not told whole; answers how many entries were told. */
  async once(): Promise<number> {
    let told = 0;
    for (;;) {
      const entries = await this.deps.store.outbox.claim(this.deps.clock.now(), LIMITS.outboxBatch);
      const done = await this.tell(entries);
      told += done;
      if (done < LIMITS.outboxBatch) return told;
    }
  }

  /** Tells the engine; what it does not take is given back, so that the next look finds it, whoever looks. */
  private async tell(entries: readonly OutboxEntry[]): Promise<number> {
    const { store, engine } = this.deps;
    const told = await Promise.allSettled(
      entries.map((entry) => (entry.kind === "cancel" ? engine.cancel(entry.chatId) : engine.wake(entry.chatId))),
    );
    const idsOf = (status: "fulfilled" | "rejected") =>
      entries.filter((_, index) => told[index]?.status === status).map(({ id }) => id);
    const done = idsOf("fulfilled");
    await store.outbox.done(done);
    await store.outbox.release(idsOf("rejected"));
    return done.length;
  }
}
