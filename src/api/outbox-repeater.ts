import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import type { WorkflowEngine } from "../engine/workflow-engine.ts";
import type { Store } from "../store/store.ts";

/** Tells the engine again what stands in the outbox for too long. Every API replica runs one; claims never overlap. */
export class OutboxRepeater {
  private readonly log = logger("api", "outbox");
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(
    private readonly deps: {
      readonly store: Pick<Store, "outbox">;
      readonly engine: Pick<WorkflowEngine, "wake" | "cancel">;
      readonly clock: Clock;
    },
  ) {}

  start(): void {
    this.running ??= this.repeat();
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error("the outbox repeater stops"));
    await this.running;
  }

  private async repeat(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.once().catch((error: unknown) => {
        this.log.warn("the outbox could not be repeated", { reason: String(error) });
      });
      // Only the stop rejects it, and the loop sees that itself.
      await this.deps.clock.sleep(LIMITS.outboxAgeMs, signal).catch(() => undefined);
    }
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
