/**
 * Runs each shape of the chat workflow against a real Temporal server and writes its histories to `histories/`:
 * `bun tests/replay/record.ts`. To be run when a workflow has a new shape; old histories stay, they must replay for ever.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { historyToJSON } from "@temporalio/common/lib/proto-utils";
import { chatWorkflowId } from "../../src/engine/temporal/workflow-signals.ts";
import { ModelError, type ModelEvent } from "../../src/models/model-provider.ts";
import { ChatWorlds, startTemporalEngine, workTool } from "../support/engine-world.ts";
import { eventually } from "../support/eventually.ts";
import { textAnswer, toolAnswer } from "../support/fake-model.ts";
import type { StepsWorld } from "../support/steps-world.ts";
import { startTemporal } from "../support/temporal-server.ts";

type Running = Awaited<ReturnType<typeof startTemporalEngine>>;
type Scene = (worlds: ChatWorlds, running: Running) => Promise<StepsWorld>;

const FOLDER = join(import.meta.dir, "histories");
const done = (world: StepsWorld) => eventually("the run to end", () => world.chat.run === undefined);
const quick = workTool(async () => ({ text: "worked", isError: false }));

async function say(world: StepsWorld, running: Running, text: string): Promise<void> {
  world.chat.say(text);
  await running.engine.wake(world.chat.chatId);
}

const SCENES: Readonly<Record<string, Scene>> = {
  answer: async (worlds, running) => {
    const world = worlds.add([textAnswer("Hi")]);
    await say(world, running, "hello");
    await done(world);
    return world;
  },
  "tools side by side": async (worlds, running) => {
    const call = { name: "work", input: {} };
    const world = worlds.add([toolAnswer(call, call, call), textAnswer("done")], quick);
    await say(world, running, "work");
    await done(world);
    return world;
  },
  "message during a run": async (worlds, running) => {
    const gate = Promise.withResolvers<void>();
    const world = worlds.add([
      async function* (): AsyncGenerator<ModelEvent> {
        await gate.promise;
        yield* textAnswer("one");
      },
      textAnswer("two"),
    ]);
    await say(world, running, "do one");
    await eventually("the model to be asked", () => world.model.requests.length === 1);
    await say(world, running, "do two");
    gate.resolve();
    await done(world);
    return world;
  },
  "cancel of a tool": async (worlds, running) => {
    const started = Promise.withResolvers<void>();
    const tools = workTool(async ({ signal }) => {
      started.resolve();
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      return { text: "stopped", isError: false };
    });
    const world = worlds.add([toolAnswer({ name: "work", input: {} })], tools);
    await say(world, running, "work");
    await started.promise;
    world.chat.requestCancel();
    await running.engine.cancel(world.chat.chatId);
    await done(world);
    return world;
  },
  "failed answer": async (worlds, running) => {
    const world = worlds.add([[new ModelError("the key is wrong", { retryable: false, code: "unauthenticated" })]]);
    await say(world, running, "hello");
    await done(world);
    return world;
  },
  "step that can never succeed": async (worlds, running) => {
    const tools = {
      ...quick,
      parse: () => {
        throw new TypeError("a mistake of ours");
      },
    };
    const world = worlds.add([toolAnswer({ name: "work", input: {} })], tools);
    await say(world, running, "work");
    await done(world);
    return world;
  },
};

const CONTINUED: Scene = async (worlds, running) => {
  const call = { name: "work", input: {} };
  const world = worlds.add([...Array.from({ length: 4 }, () => toolAnswer(call)), textAnswer("done")], quick);
  await say(world, running, "work");
  await done(world);
  return world;
};

async function save(running: Running, name: string, world: StepsWorld): Promise<void> {
  const workflowId = chatWorkflowId(world.chat.chatId);
  const { workflow } = running.connection.client;
  await workflow.getHandle(workflowId).result();
  const runs = await Array.fromAsync(workflow.list({ query: `WorkflowId = "${workflowId}"` }));
  const ordered = runs.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
  for (const [index, run] of ordered.entries()) {
    const history = await workflow.getHandle(workflowId, run.runId).fetchHistory();
    // Who ran it is nobody's business.
    const text = historyToJSON(history).replaceAll(/"[^"]*@[^"]*"/g, '"test"');
    const file = `${name.replaceAll(" ", "-")}${ordered.length > 1 ? `-${index + 1}` : ""}.json`;
    await Bun.write(join(FOLDER, file), `${JSON.stringify(JSON.parse(text), undefined, 1)}\n`);
    process.stdout.write(`${file}: ${history.events?.length} events\n`);
  }
}

async function record(): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  await using server = await startTemporal();
  const worlds = new ChatWorlds();
  const running = await startTemporalEngine(server, worlds, { taskQueue: "record" });
  for (const [name, scene] of Object.entries(SCENES)) await save(running, name, await scene(worlds, running));
  await running.stop();
  const short = await startTemporalEngine(server, worlds, { taskQueue: "record-short", historyEvents: 20 });
  const continued = await CONTINUED(worlds, short);
  await eventually("all runs to be listed", async () => {
    const query = `WorkflowId = "${chatWorkflowId(continued.chat.chatId)}"`;
    const runs = await Array.fromAsync(short.connection.client.workflow.list({ query }));
    return runs.length > 1 && runs.some((run) => run.status.name === "COMPLETED");
  });
  await save(short, "continued as new", continued);
  await short.stop();
}

if (import.meta.main) await record();
