import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import { Periodic } from "../core/periodic.ts";
import type { WorkflowEngine } from "../engine/workflow-engine.ts";
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

  /** Repeats what is old enough now; answers how many entries were told. */
  async once(): Promise<number> {
    const { store, engine, clock } = this.deps;
    const entries = await store.outbox.claim(clock.now(), LIMITS.outboxBatch);
    const told = await Promise.allSettled(
      entries.map((entry) => (entry.kind === "cancel" ? engine.cancel(entry.chatId) : engine.wake(entry.chatId))),
    );
    const done = entries.filter((_, index) => told[index]?.status === "fulfilled").map((entry) => entry.id);
    if (done.length > 0) await store.outbox.done(done);
    return done.length;
  }
}
