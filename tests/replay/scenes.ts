import type { Activities } from "../../src/activities/activities.ts";
import { ReliantError } from "../../src/core/errors.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { ModelError, type ModelEvent } from "../../src/models/model-provider.ts";
import { type ChatWorlds, type startTemporalEngine, workTool } from "../support/engine-world.ts";
import { eventually } from "../support/eventually.ts";
import { type FakeAnswer, textAnswer, toolAnswer } from "../support/fake-model.ts";
import type { StepsWorld } from "../support/steps-world.ts";

export type Running = Awaited<ReturnType<typeof startTemporalEngine>>;

/** What a scene plays with. Steps of a chat may be replaced, to have a worker answer in a way that is rare. */
export interface Stage {
  readonly worlds: ChatWorlds;
  /** The engine whose worker runs now. */
  running(): Running;
  /** Stops the worker as SIGTERM does, and starts another one in its place. */
  replaceWorker(): Promise<void>;
  replaceSteps(chatId: string, steps: Partial<Activities>): void;
}

/** Answers the chat whose workflow is recorded. */
type Scene = (stage: Stage) => Promise<StepsWorld>;

const CALL = { name: "work", input: {} };
const quick = workTool(async () => ({ text: "worked", isError: false }));
const done = (world: StepsWorld) =>
  eventually("the run to end", () => world.chat.run === undefined, { timeoutMs: 60_000 });
const asked = (world: { readonly model: { readonly requests: readonly unknown[] } }, times: number) =>
  eventually(`the model to be asked ${times} times`, () => world.model.requests.length >= times);

async function say(stage: Stage, world: StepsWorld, text: string): Promise<void> {
  world.chat.say(text);
  await stage.running().engine.wake(world.chat.chatId);
}

async function cancel(stage: Stage, world: StepsWorld): Promise<void> {
  world.chat.requestCancel();
  await stage.running().engine.cancel(world.chat.chatId);
}

/** One message, answered so, to the end of its run. */
function oneRun(answers: readonly FakeAnswer[]): Scene {
  return async (stage) => {
    const world = stage.worlds.add(answers, quick);
    await say(stage, world, "go");
    await done(world);
    return world;
  };
}

/** A tool that waits until it is told to stop; `all` of them at once. */
function cancelledTools(all: number): Scene {
  return async (stage) => {
    let started = 0;
    const tools = workTool(async ({ signal }) => {
      started++;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      return { text: "stopped", isError: false };
    });
    const world = stage.worlds.add([toolAnswer(...Array.from({ length: all }, () => CALL))], tools);
    await say(stage, world, "work");
    await eventually("the tools to start", () => started === all);
    await cancel(stage, world);
    await done(world);
    return world;
  };
}

async function* afterwards(gate: Promise<void>, text: string): AsyncGenerator<ModelEvent> {
  await gate;
  yield* textAnswer(text);
}

/** The first try of the step is refused for good, as a mistake of ours is. */
const refusedForGood = async () => {
  throw new ReliantError("invalid_argument", "do a step: it can never succeed");
};

export const SCENES: Readonly<Record<string, Scene>> = {
  answer: oneRun([textAnswer("Hi")]),
  "tools one after the other": oneRun([toolAnswer(CALL), toolAnswer(CALL), toolAnswer(CALL), textAnswer("done")]),
  "tools side by side": oneRun([toolAnswer(CALL, CALL, CALL), textAnswer("done")]),
  "many tools side by side twice": oneRun([
    toolAnswer(...Array.from({ length: 12 }, () => CALL)),
    toolAnswer(CALL, CALL),
    textAnswer("done"),
  ]),
  "failed answer": oneRun([[new ModelError("the key is wrong", { retryable: false, code: "unauthenticated" })]]),
  "answer after a failed attempt": oneRun([
    [new ModelError("the provider has too much to do", { retryable: true })],
    textAnswer("Hi"),
  ]),
  "message during a run": async (stage) => {
    const gate = Promise.withResolvers<void>();
    const world = stage.worlds.add([() => afterwards(gate.promise, "one"), textAnswer("two")]);
    await say(stage, world, "do one");
    await asked(world, 1);
    await say(stage, world, "do two");
    gate.resolve();
    await done(world);
    return world;
  },
  "signal storm": async (stage) => {
    const gate = Promise.withResolvers<void>();
    const world = stage.worlds.add([() => afterwards(gate.promise, "one"), textAnswer("two")]);
    await say(stage, world, "do one");
    await asked(world, 1);
    const wakes = Array.from({ length: 40 }, () => stage.running().engine.wake(world.chat.chatId));
    await Promise.all([...wakes, say(stage, world, "do two")]);
    gate.resolve();
    await Promise.all(Array.from({ length: 20 }, () => stage.running().engine.wake(world.chat.chatId)));
    await done(world);
    return world;
  },
  "message after a rest": async (stage) => {
    const world = await oneRun([textAnswer("one")])(stage);
    await stage.running().connection.client.workflow.getHandle(`chat-${world.chat.chatId}`).result();
    await say(stage, world, "again");
    await done(world);
    return world;
  },
  "answer whose run is still to be ended": async (stage) => {
    const world = stage.worlds.add([textAnswer("Hi")]);
    stage.replaceSteps(world.chat.chatId, {
      // As a store answers that writes the answer and the end of its run one after the other.
      callModel: async (input, context) => {
        const run = { id: input.runId, cancelRequested: false, modelCalls: 1 };
        const view = await world.steps.callModel(input, context);
        const answer = {
          messageId: input.messageId,
          state: "complete",
          openToolCallIds: [],
          hasToolCalls: false,
        } as const;
        return { ...view, run, answer, unanswered: false };
      },
    });
    await say(stage, world, "hello");
    await done(world);
    return world;
  },
  "woken for nothing": async (stage) => {
    const world = stage.worlds.add([textAnswer("Hi")]);
    await stage.running().engine.wake(world.chat.chatId);
    return world;
  },
  "cancel of a tool": cancelledTools(1),
  "cancel of tools side by side": cancelledTools(4),
  "cancel of an answer": async (stage) => {
    const world = stage.worlds.add([[...textAnswer("I be").slice(0, 2), "hang"]]);
    await say(stage, world, "talk");
    await eventually("the first words", () => world.events.length > 0);
    await cancel(stage, world);
    await done(world);
    return world;
  },
  "cancel and a message": async (stage) => {
    const world = stage.worlds.add([["hang"], textAnswer("Here again")]);
    await say(stage, world, "talk");
    await asked(world, 1);
    await cancel(stage, world);
    await stage.running().engine.cancel(world.chat.chatId);
    await done(world);
    await say(stage, world, "and now?");
    await done(world);
    return world;
  },
  "cancel at rest": async (stage) => {
    const world = stage.worlds.add([textAnswer("Hi")]);
    await stage.running().engine.cancel(world.chat.chatId);
    return world;
  },
  "step that can never succeed": async (stage) => {
    const tools = {
      ...quick,
      parse: () => {
        throw new TypeError("a mistake of ours");
      },
    };
    const world = stage.worlds.add([toolAnswer(CALL)], tools);
    await say(stage, world, "work");
    await done(world);
    return world;
  },
  "answer that can never be asked for": async (stage) => {
    const world = stage.worlds.add([textAnswer("Hi")]);
    stage.replaceSteps(world.chat.chatId, { callModel: refusedForGood });
    await say(stage, world, "hello");
    await done(world);
    return world;
  },
  "tool that can never be run beside others": async (stage) => {
    const world = stage.worlds.add([toolAnswer(CALL, CALL), textAnswer("done")], quick);
    let refused = 0;
    stage.replaceSteps(world.chat.chatId, {
      runTool: (input, context) => (refused++ === 0 ? refusedForGood() : world.steps.runTool(input, context)),
    });
    await say(stage, world, "work");
    await done(world);
    return world;
  },
  "results that no view knows all of": async (stage) => {
    const world = stage.worlds.add([toolAnswer(CALL, CALL), textAnswer("done")], quick);
    stage.replaceSteps(world.chat.chatId, {
      // Both read the chat before the other one's result was written.
      runTool: async (input, context) => {
        const before = world.chat.view();
        await world.steps.runTool(input, context);
        return before;
      },
    });
    await say(stage, world, "work");
    await done(world);
    return world;
  },
  "most model calls of a run": async (stage) => {
    const gate = Promise.withResolvers<void>();
    const world = stage.worlds.add(
      [toolAnswer(CALL)],
      workTool(async () => gate.promise.then(() => ({ text: "worked", isError: false }))),
    );
    await say(stage, world, "work for ever");
    await asked(world, 1);
    if (world.chat.run !== undefined) world.chat.run.modelCalls = LIMITS.modelCallsPerRun;
    gate.resolve();
    await done(world);
    return world;
  },
  "answer of a run that was ended by hand": async (stage) => {
    const world = stage.worlds.add([["hang"], textAnswer("here I am")]);
    await say(stage, world, "hello");
    await asked(world, 1);
    await stage.running().connection.client.workflow.getHandle(`chat-${world.chat.chatId}`).terminate("by hand");
    await stage.running().engine.wake(world.chat.chatId);
    await done(world);
    return world;
  },
  "answer handed over by a worker that stops": async (stage) => {
    const world = stage.worlds.add([["hang"], textAnswer("from the next")]);
    await say(stage, world, "hello");
    await asked(world, 1);
    await stage.replaceWorker();
    await done(world);
    return world;
  },
  "store away for a moment": async (stage) => {
    const world = stage.worlds.add([textAnswer("dear")]);
    let refused = 0;
    const away = new ReliantError("unavailable", "ask the store: it is away");
    const often = async <T>(step: () => Promise<T>) => (refused++ % 3 < 2 ? Promise.reject(away) : step());
    stage.replaceSteps(world.chat.chatId, {
      look: (input) => often(() => world.steps.look(input)),
      callModel: (input, context) => often(() => world.steps.callModel(input, context)),
      endRun: (input) => often(() => world.steps.endRun(input)),
    });
    await say(stage, world, "hello");
    await done(world);
    return world;
  },
  "store away for longer than a workflow task": async (stage) => {
    const world = stage.worlds.add([textAnswer("at last")]);
    world.chat.say("hello");
    world.chat.away = true;
    await stage.running().engine.wake(world.chat.chatId);
    await Bun.sleep(15_000);
    world.chat.away = false;
    await done(world);
    return world;
  },
};

/** Played with a bound of 20 events, after which a run continues as a new one. */
export const SHORT_SCENES: Readonly<Record<string, Scene>> = {
  "continued as new": oneRun([...Array.from({ length: 4 }, () => toolAnswer(CALL)), textAnswer("done")]),
  "continued as new with tools side by side": oneRun([
    ...Array.from({ length: 3 }, () => toolAnswer(CALL, CALL, CALL)),
    textAnswer("done"),
  ]),
  "continued as new while messages come": async (stage) => {
    const world = stage.worlds.add([...Array.from({ length: 4 }, () => toolAnswer(CALL)), textAnswer("done")], quick);
    await say(stage, world, "work");
    for (let times = 2; times <= 4; times++) {
      await asked(world, times);
      await say(stage, world, `also ${times}`);
    }
    await done(world);
    return world;
  },
};
