import { describe, expect, test } from "bun:test";
import type { Activities } from "../../../src/activities/activities.ts";
import type { LoopView } from "../../../src/chat/loop-view.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { EmbeddedEngine } from "../../../src/engine/embedded/embedded-engine.ts";
import { ManualClock, settle } from "../../support/manual-clock.ts";

/** Steps that note who asks for them; each look waits until it is let go. */
class NotedSteps implements Activities {
  readonly looks: string[] = [];
  readonly ended: string[] = [];
  atOnce = 0;
  most = 0;
  failure: Error | undefined;
  view: (chatId: string) => LoopView = (chatId) => ({ chatId, unanswered: false });
  private gates: (() => void)[] = [];

  constructor(private readonly gated = false) {}

  async look({ chatId }: { chatId: string }): Promise<LoopView> {
    this.looks.push(chatId);
    this.most = Math.max(this.most, ++this.atOnce);
    if (this.gated) await new Promise<void>((resolve) => this.gates.push(resolve));
    this.atOnce--;
    if (this.failure !== undefined) throw this.failure;
    return this.view(chatId);
  }

  async callModel(input: { chatId: string }, context: { stopping: AbortSignal }): Promise<LoopView> {
    await new Promise((_, reject) => {
      context.stopping.addEventListener("abort", () => reject(new ReliantError("unavailable", "stops")));
    });
    return this.view(input.chatId);
  }

  async runTool(input: { chatId: string }): Promise<LoopView> {
    return this.view(input.chatId);
  }

  async endRun(input: { chatId: string }): Promise<LoopView> {
    this.ended.push(input.chatId);
    return { chatId: input.chatId, unanswered: false };
  }

  letGo(): void {
    for (const gate of this.gates.splice(0)) gate();
  }
}

function engineOver(activities: Activities, chatsUnderWay: () => Promise<readonly string[]> = async () => []) {
  const clock = new ManualClock();
  return { clock, engine: new EmbeddedEngine({ activities, turns: { chatsUnderWay }, clock }) };
}

describe("the embedded engine", () => {
  test("continues at its start every run that was under way, though the store comes late", async () => {
    const steps = new NotedSteps();
    let tries = 0;
    const { engine, clock } = engineOver(steps, async () => {
      if (++tries < 3) throw new ReliantError("unavailable", "ask the store: it is away");
      return ["chat_1", "chat_2"];
    });
    const starting = engine.start();
    await clock.advance(2 * LIMITS.startRetryMaxMs);
    await starting;
    expect(steps.looks).toEqual(["chat_1", "chat_2"]);
  });

  test("looks again for a wake that comes while it looks, and once for many", async () => {
    const steps = new NotedSteps(true);
    const { engine } = engineOver(steps);
    await engine.wake("chat_1");
    await Promise.all([engine.wake("chat_1"), engine.wake("chat_1"), engine.wake("chat_1")]);
    steps.letGo();
    await settle();
    steps.letGo();
    await settle();
    expect(steps.looks).toEqual(["chat_1", "chat_1"]);
  });

  test("runs no more loops at once than it may, and the others in their turn", async () => {
    const steps = new NotedSteps(true);
    const { engine } = engineOver(steps);
    const chats = Array.from({ length: LIMITS.embeddedLoops + 3 }, (_, index) => `chat_${index}`);
    for (const chatId of chats) await engine.wake(chatId);
    await settle();
    expect(steps.looks).toHaveLength(LIMITS.embeddedLoops);
    steps.letGo();
    await settle();
    steps.letGo();
    await settle();
    expect(steps.looks).toEqual(chats);
    expect(steps.most).toBe(LIMITS.embeddedLoops);
  });

  test("refuses a chat when too many wait already", async () => {
    const { engine } = engineOver(new NotedSteps(true));
    for (let index = 0; index < LIMITS.embeddedLoops + LIMITS.embeddedWaitingChats; index++) {
      await engine.wake(`chat_${index}`);
    }
    await expect(engine.wake("chat_more")).rejects.toMatchObject({ code: "resource_exhausted" });
  });

  test("repeats a step while what it needs is away", async () => {
    const steps = new NotedSteps();
    steps.failure = new ReliantError("unavailable", "ask the store: it is away");
    const { engine, clock } = engineOver(steps);
    await engine.wake("chat_1");
    await clock.advance(3 * LIMITS.stepRetryMaxMs);
    const tries = steps.looks.length;
    steps.failure = undefined;
    await clock.advance(10 * LIMITS.stepRetryMaxMs);
    expect(tries).toBeGreaterThan(3);
    expect(steps.looks).toHaveLength(tries + 1);
  });

  test("gives a chat up that it cannot look at, and takes it up again when it is woken", async () => {
    const steps = new NotedSteps();
    steps.failure = new ReliantError("not_found", "find chat chat_1: none");
    const { engine } = engineOver(steps);
    await engine.wake("chat_1");
    await settle();
    steps.failure = undefined;
    await engine.wake("chat_1");
    await settle();
    expect(steps.looks).toEqual(["chat_1", "chat_1"]);
  });

  test("repeats a look and the end of a run whatever went wrong: nobody else would move the chat", async () => {
    const steps = new NotedSteps();
    steps.failure = new ReliantError("internal", "look at chat: nobody knows why");
    steps.view = (chatId) => ({
      ...{ chatId, unanswered: false },
      run: { id: "run_1", cancelRequested: true, modelCalls: 0 },
    });
    let endings = 0;
    const endRun = steps.endRun.bind(steps);
    steps.endRun = async (input) => {
      if (++endings < 3) throw new ReliantError("internal", "end run: nobody knows why");
      return endRun(input);
    };
    const { engine, clock } = engineOver(steps);
    await engine.wake("chat_1");
    await clock.advance(LIMITS.stepRetryMaxMs);
    steps.failure = undefined;
    await clock.advance(3 * LIMITS.stepRetryMaxMs);
    expect(endings).toBe(3);
    expect(steps.ended).toEqual(["chat_1"]);
  });

  test("ends no run when it closes in the middle of a step", async () => {
    const steps = new NotedSteps();
    steps.view = (chatId) => ({
      ...{ chatId, unanswered: true },
      run: { id: "run_1", cancelRequested: false, modelCalls: 0 },
    });
    const { engine } = engineOver(steps);
    await engine.wake("chat_1");
    await settle();
    await engine.close();
    expect(steps.ended).toEqual([]);
  });
});
