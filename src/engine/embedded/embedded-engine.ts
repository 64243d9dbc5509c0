import type { Activities } from "../../activities/activities.ts";
import { backoffMs } from "../../core/backoff.ts";
import type { Clock } from "../../core/clock.ts";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { logger } from "../../core/logger.ts";
import type { Turns } from "../../store/turns.ts";
import type { WorkflowEngine } from "../workflow-engine.ts";
import { ChatLoop } from "./chat-loop.ts";

/**
 * The loops of all chats in this process, for a store that no other engine uses. It keeps no journal: `start` continues
 * what the store says was under way. At most `LIMITS.embeddedLoops` run at once; more wait in the order in which they came.
 */
export class EmbeddedEngine implements WorkflowEngine {
  private readonly loops = new Map<string, ChatLoop>();
  private readonly runs = new Set<Promise<void>>();
  private readonly waiting = new Set<string>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly options: {
      readonly activities: Activities;
      readonly turns: Pick<Turns, "chatsUnderWay">;
      readonly clock: Clock;
    },
  ) {}

  /** Continues every run that was under way; waits for as long as the store is away. Rejects when closed meanwhile. */
  async start(): Promise<void> {
    const { turns, clock } = this.options;
    for (let attempt = 0; ; attempt++) {
      try {
        const chatIds = await turns.chatsUnderWay(LIMITS.embeddedWaitingChats);
        for (const chatId of chatIds) await this.wake(chatId);
        return;
      } catch (error) {
        if (!(error instanceof ReliantError && error.row.retryable) || this.stopping.signal.aborted) throw error;
        logger("engine", "embedded").warning("store not there yet", { code: error.code, attempt });
        const waitMs = backoffMs(attempt, { baseMs: LIMITS.startRetryBaseMs, maxMs: LIMITS.startRetryMaxMs });
        await clock.sleep(waitMs, this.stopping.signal);
      }
    }
  }

  async wake(chatId: string): Promise<void> {
    this.mustBeOpen(`wake chat ${chatId}`);
    const loop = this.loops.get(chatId);
    if (loop !== undefined) loop.lookAgain();
    else this.startOrWait(chatId);
  }

  async cancel(chatId: string): Promise<void> {
    this.mustBeOpen(`cancel chat ${chatId}`);
    const loop = this.loops.get(chatId);
    if (loop !== undefined) loop.cancel();
    else this.startOrWait(chatId);
  }

  async check(): Promise<void> {
    this.mustBeOpen("check the engine");
  }

  /** Ends the steps under way where they stand; the store says at the next start how to go on. Waits at most `LIMITS.drainMs`. */
  async close(): Promise<void> {
    this.waiting.clear();
    this.stopping.abort();
    const late = new AbortController();
    const drained = this.options.clock.sleep(LIMITS.drainMs, late.signal).catch(() => undefined);
    await Promise.race([Promise.all(this.runs), drained]);
    late.abort();
  }

  private startOrWait(chatId: string): void {
    if (this.loops.size < LIMITS.embeddedLoops) {
      this.startLoop(chatId);
      return;
    }
    if (!this.waiting.has(chatId) && this.waiting.size >= LIMITS.embeddedWaitingChats) {
      throw new ReliantError("resource_exhausted", `run chat ${chatId}: ${this.waiting.size} chats wait already`);
    }
    this.waiting.add(chatId);
  }

  private startLoop(chatId: string): void {
    const { activities, clock } = this.options;
    const loop = new ChatLoop({ chatId, activities, clock, stopping: this.stopping.signal });
    this.loops.set(chatId, loop);
    const run = loop.run(() => {
      this.loops.delete(chatId);
      this.startNext();
    });
    this.runs.add(run);
    void run.finally(() => this.runs.delete(run));
  }

  private startNext(): void {
    const [next] = this.waiting;
    if (next === undefined || this.stopping.signal.aborted) return;
    this.waiting.delete(next);
    this.startLoop(next);
  }

  private mustBeOpen(act: string): void {
    if (this.stopping.signal.aborted) throw new ReliantError("unavailable", `${act}: the engine is closed`);
  }
}
