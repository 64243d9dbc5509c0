import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { ReliantError } from "../../src/core/errors.ts";
import { ModelError, type ModelEvent } from "../../src/models/model-provider.ts";
import {
  ChatWorlds,
  type RunningEngine,
  startEmbedded,
  startTemporalEngine,
  workTool,
} from "../support/engine-world.ts";
import { eventually } from "../support/eventually.ts";
import { textAnswer, toolAnswer } from "../support/fake-model.ts";
import type { StepsWorld } from "../support/steps-world.ts";
import { sharedTemporal, type TemporalServer } from "../support/temporal-server.ts";

setDefaultTimeout(60_000);

const ENGINES = [
  { name: "the embedded engine", start: (worlds: ChatWorlds) => startEmbedded(worlds), stopAll: async () => undefined },
  temporal(),
];

function temporal() {
  let server: TemporalServer | undefined;
  return {
    name: "the Temporal engine",
    start: async (worlds: ChatWorlds): Promise<RunningEngine> => {
      server ??= await sharedTemporal();
      return startTemporalEngine(server, worlds, { taskQueue: `contract-${process.pid}` });
    },
    stopAll: async () => {
      await server?.stop();
      server = undefined;
    },
  };
}

for (const kind of ENGINES) {
  describe(kind.name, () => {
    const worlds = new ChatWorlds();
    let running: RunningEngine;

    beforeAll(async () => {
      running = await kind.start(worlds);
    });
    afterAll(async () => {
      await running.stop();
      await kind.stopAll();
    });

    const say = async (world: StepsWorld, text: string) => {
      world.chat.say(text);
      await running.engine.wake(world.chat.chatId);
    };
    const ended = (world: StepsWorld) => eventually("the run to end", () => world.chat.run === undefined);
    const texts = (world: StepsWorld) =>
      world.chat.messages.flatMap((message) =>
        message.blocks.flatMap((block) => (block.kind === "text" ? [`${message.role}: ${block.text}`] : [])),
      );

    test("answers a message and comes to rest", async () => {
      const world = worlds.add([textAnswer("Hi")]);
      await say(world, "hello");
      await ended(world);
      expect(texts(world)).toEqual(["user: hello", "assistant: Hi"]);
      expect(world.chat.endedAs).toBe("succeeded");
    });

    test("runs a chat once, however often it is woken at the same time", async () => {
      const world = worlds.add([textAnswer("Hi")]);
      world.chat.say("hello");
      await Promise.all(Array.from({ length: 20 }, () => running.engine.wake(world.chat.chatId)));
      await ended(world);
      expect(world.model.requests).toHaveLength(1);
    });

    test("takes up a message that comes during a run, and keeps the order", async () => {
      const gate = Promise.withResolvers<void>();
      const world = worlds.add([
        async function* (): AsyncGenerator<ModelEvent> {
          await gate.promise;
          yield* textAnswer("one done");
        },
        textAnswer("two done"),
      ]);
      await say(world, "do one");
      await eventually("the model to be asked", () => world.model.requests.length === 1);
      await say(world, "do two");
      gate.resolve();
      await ended(world);
      const asked = world.model.requests.map((request) =>
        request.messages.flatMap((message) => message.blocks.map((block) => (block.kind === "text" ? block.text : ""))),
      );
      expect(asked).toEqual([["do one"], ["do one", "one done", "do two"]]);
    });

    test("misses no message, though they come one directly after the other", async () => {
      const world = worlds.add([textAnswer("ok")]);
      for (let turn = 1; turn <= 15; turn++) {
        await say(world, `message ${turn}`);
        await eventually(`message ${turn} to be answered`, () => world.model.requests.length >= turn);
      }
      await ended(world);
      expect(texts(world).filter((text) => text.startsWith("assistant"))).toHaveLength(15);
    });

    test("runs the tool calls of one answer side by side, then asks the model again", async () => {
      let atOnce = 0;
      const all = Promise.withResolvers<void>();
      const tools = workTool(async () => {
        atOnce++;
        if (atOnce === 8) all.resolve();
        await all.promise;
        return { text: "worked", isError: false };
      });
      const calls = Array.from({ length: 8 }, (_, index) => ({ name: "work", input: { index } }));
      const world = worlds.add([toolAnswer(...calls), textAnswer("done")], tools);
      await say(world, "work");
      await ended(world);
      expect(atOnce).toBe(8);
      const results = world.chat.messages.filter((message) => message.role === "tool");
      expect(results).toHaveLength(8);
      expect(world.model.requests).toHaveLength(2);
    });

    test("brings a cancel to the running tool within two seconds, and the run ends as cancelled", async () => {
      const started = Promise.withResolvers<void>();
      let stoppedAtMs = 0;
      const tools = workTool(async ({ signal }) => {
        started.resolve();
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        stoppedAtMs = performance.now();
        return { text: "stopped", isError: false };
      });
      const world = worlds.add([toolAnswer({ name: "work", input: {} })], tools);
      await say(world, "work");
      await started.promise;
      const cancelledAtMs = performance.now();
      world.chat.requestCancel();
      await running.engine.cancel(world.chat.chatId);
      await ended(world);
      expect(stoppedAtMs - cancelledAtMs).toBeLessThan(2000);
      expect(world.chat.endedAs).toBe("cancelled");
      expect(world.model.requests).toHaveLength(1);
      expect([...world.chat.ledger.values()].map((row) => [row.state, row.delivered])).toEqual([["cancelled", true]]);
    });

    test("ends a model's answer on a cancel, and answers the next message", async () => {
      const world = worlds.add([[...textAnswer("I be").slice(0, 2), "hang"], textAnswer("Here again")]);
      await say(world, "talk");
      await eventually("the first words", () => world.events.length > 0);
      world.chat.requestCancel();
      await running.engine.cancel(world.chat.chatId);
      await ended(world);
      expect(world.chat.endedAs).toBe("cancelled");
      await say(world, "and now?");
      await ended(world);
      expect(texts(world)).toEqual(["user: talk", "assistant: I be", "user: and now?", "assistant: Here again"]);
    });

    test("does not mind a cancel for a chat that rests", async () => {
      const world = worlds.add([textAnswer("Hi")]);
      await running.engine.cancel(world.chat.chatId);
      await say(world, "hello");
      await ended(world);
      expect(world.chat.endedAs).toBe("succeeded");
    });

    test("ends the run as failed where the model cannot be asked, and takes the next message", async () => {
      const denied = new ModelError("the key is wrong", { retryable: false, code: "unauthenticated" });
      const world = worlds.add([[denied], textAnswer("Hi")]);
      await say(world, "hello");
      await ended(world);
      expect(world.chat.endedAs).toBe("failed");
      expect(world.chat.runError).toEqual({ code: "unauthenticated", message: "the key is wrong" });
      await say(world, "again");
      await ended(world);
      expect(world.chat.endedAs).toBe("succeeded");
    });

    test("ends the run as failed where a step can never succeed", async () => {
      const tools = workTool(async () => ({ text: "", isError: false }));
      const world = worlds.add([toolAnswer({ name: "work", input: {} }), textAnswer("Hi")], {
        ...tools,
        parse: () => {
          throw new TypeError("a mistake of ours");
        },
      });
      await say(world, "work");
      await ended(world);
      expect(world.chat.endedAs).toBe("failed");
      expect(world.chat.runError).toEqual({ code: "internal", message: expect.stringContaining("a mistake of ours") });
    });

    test("ends a run though its end was refused for a reason that nobody knows", async () => {
      const world = worlds.add([[new ModelError("no such model", { retryable: false })]]);
      const endRun = world.chat.turns.endRun;
      let refused = 0;
      world.chat.turns.endRun = async (end) => {
        if (refused++ < 2) throw new ReliantError("internal", "end run: nobody knows why");
        return endRun(end);
      };
      await say(world, "hello");
      await ended(world);
      expect(world.chat.endedAs).toBe("failed");
      expect(refused).toBe(3);
    });

    test("goes on by itself when the store was away for a while", async () => {
      const world = worlds.add([
        async function* (): AsyncGenerator<ModelEvent> {
          world.chat.away = true;
          yield* textAnswer("dear");
        },
      ]);
      await say(world, "hello");
      await eventually("the model to be asked", () => world.model.requests.length === 1);
      await Bun.sleep(500);
      world.chat.away = false;
      await ended(world);
      expect(world.model.requests).toHaveLength(1);
      expect(world.chat.endedAs).toBe("succeeded");
    });

    test("says that it can start runs", async () => {
      await running.engine.check(AbortSignal.timeout(5000));
    });
  });

  describe(`${kind.name}, closed`, () => {
    test("takes nothing more, and says so", async () => {
      const worlds = new ChatWorlds();
      const running = await kind.start(worlds);
      await running.stop();
      await expect(running.engine.wake("chat_1")).rejects.toMatchObject({ code: "unavailable" });
      await expect(running.engine.check(AbortSignal.timeout(5000))).rejects.toMatchObject({ code: "unavailable" });
      await kind.stopAll();
    });
  });
}

describe("the Temporal engine, when a history has become long", () => {
  const worlds = new ChatWorlds();
  let server: TemporalServer;
  let running: Awaited<ReturnType<typeof startTemporalEngine>>;

  beforeAll(async () => {
    server = await sharedTemporal();
    running = await startTemporalEngine(server, worlds, { taskQueue: `long-${process.pid}`, historyEvents: 15 });
  });
  afterAll(async () => {
    await running.stop();
    await server.stop();
  });

  test("continues as a new run between steps, and misses no message that comes meanwhile", async () => {
    const tools = workTool(async () => ({ text: "worked", isError: false }));
    const call = { name: "work", input: {} };
    const world = worlds.add([...Array.from({ length: 6 }, () => toolAnswer(call)), textAnswer("done")], tools);
    world.chat.say("work");
    await running.engine.wake(world.chat.chatId);
    for (let asked = 2; asked <= 6; asked++) {
      await eventually(`the model to be asked ${asked} times`, () => world.model.requests.length >= asked);
      world.chat.say(`also ${asked}`);
      await running.engine.wake(world.chat.chatId);
    }
    await eventually("the run to end", () => world.chat.run === undefined);
    expect(world.chat.endedAs).toBe("succeeded");
    expect(world.chat.view().unanswered).toBe(false);
    expect([...world.chat.ledger.values()].map((row) => row.state)).toEqual(
      Array.from({ length: 6 }, () => "succeeded"),
    );
    const query = `WorkflowId = "chat-${world.chat.chatId}" AND ExecutionStatus = "ContinuedAsNew"`;
    const continued = await eventually("the runs that continued to be listed", async () => {
      const runs = await Array.fromAsync(running.connection.client.workflow.list({ query }));
      return runs.length > 1 && runs.length;
    });
    expect(continued).toBeGreaterThan(1);
  });

  test("takes a run that was ended by hand up again when it is woken", async () => {
    const world = worlds.add([["hang"], textAnswer("here I am")]);
    world.chat.say("hello");
    await running.engine.wake(world.chat.chatId);
    await eventually("the model to be asked", () => world.model.requests.length === 1);
    await running.connection.client.workflow.getHandle(`chat-${world.chat.chatId}`).terminate("by hand");
    expect(world.chat.run).toBeDefined();
    await running.engine.wake(world.chat.chatId);
    await eventually("the run to end", () => world.chat.run === undefined);
    expect(world.chat.endedAs).toBe("succeeded");
  });
});
