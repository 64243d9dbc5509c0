import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import { Periodic } from "../core/periodic.ts";
import type { WorkflowEngine } from "../engine/workflow-engine.ts";
import type { Turns } from "../store/turns.ts";
import type { Updates } from "../store/updates.ts";

/**
 * Finds runs that nobody moves: the engine has lost them (a workflow that was terminated by hand or failed, an engine
 * whose own data is gone), and no outbox row tells of them. A run under way whose chat has no new number since the last
 * look is told to the engine again: one that only takes long is not disturbed by it. Every API replica runs one.
 */
export class RunWatch {
  private readonly log = logger("api", "runs");
  private readonly loop: Periodic;
  /** The last number of each chat under way, at the last look. */
  private seen: ReadonlyMap<string, number> = new Map();

  constructor(
    private readonly deps: {
      readonly store: {
        readonly turns: Pick<Turns, "chatsUnderWay">;
        readonly updates: Pick<Updates, "lastSequences">;
      };
      readonly engine: Pick<WorkflowEngine, "wake">;
      readonly clock: Clock;
    },
  ) {
    const { clock } = deps;
    this.loop = new Periodic(() => this.once(), {
      name: "look at the runs under way",
      everyMs: LIMITS.runWatchMs,
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

  /** Answers how many chats the engine was told of. */
  async once(): Promise<number> {
    const { store } = this.deps;
    const chatIds = await store.turns.chatsUnderWay(LIMITS.runWatchChats);
    const { chats } = await store.updates.lastSequences({ userIds: [], chatIds });
    const still = chatIds.filter((chatId) => this.seen.has(chatId) && this.seen.get(chatId) === chats.get(chatId));
    this.seen = chats;
    let told = 0;
    for (let at = 0; at < still.length; at += LIMITS.outboxBatch) {
      told += await this.wake(still.slice(at, at + LIMITS.outboxBatch));
    }
    return told;
  }

  /** One that the engine does not take now is still under way at the next look. */
  private async wake(chatIds: readonly string[]): Promise<number> {
    const woken = await Promise.allSettled(chatIds.map((chatId) => this.deps.engine.wake(chatId)));
    const failed = woken.filter(({ status }) => status === "rejected").length;
    if (failed > 0) this.log.warn("the engine could not be told of all runs that stand still", { failed });
    return chatIds.length - failed;
  }
}
