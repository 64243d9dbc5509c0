/**
 * Runs each shape of the chat workflow against a real Temporal server and writes its histories to `histories/`:
 * `bun tests/replay/record.ts`. To be run when a workflow has a new shape. What is recorded already stays as it is: old
 * histories must replay for ever.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { historyToJSON } from "@temporalio/common/lib/proto-utils";
import type { Activities } from "../../src/activities/activities.ts";
import { TemporalEngine } from "../../src/engine/temporal/temporal-engine.ts";
import { chatWorkflowId } from "../../src/engine/temporal/workflow-signals.ts";
import { ChatWorlds, startTemporalEngine } from "../support/engine-world.ts";
import { eventually } from "../support/eventually.ts";
import { startTemporal } from "../support/temporal-server.ts";
import { DEATHS, killedWorker } from "./killed-worker.ts";
import { type Running, SCENES, SHORT_SCENES, type Stage } from "./scenes.ts";

const FOLDER = join(import.meta.dir, "histories");

const fileName = (name: string) => name.replaceAll(" ", "-");

/** Files of a scene: one, or one for each run of its workflow. */
async function isRecorded(name: string): Promise<boolean> {
  const pattern = new RegExp(`^${fileName(name)}(-\\d+)?\\.json$`);
  return (await readdir(FOLDER)).some((file) => pattern.test(file));
}

async function save({ connection }: Running, name: string, chatId: string): Promise<void> {
  const workflowId = chatWorkflowId(chatId);
  const { workflow } = connection.client;
  await workflow.getHandle(workflowId).result();
  const runs = await eventually("all runs to be listed as ended", async () => {
    const listed = await Array.fromAsync(workflow.list({ query: `WorkflowId = "${workflowId}"` }));
    return (
      listed.some((run) => run.status.name === "COMPLETED") &&
      listed.every((run) => run.closeTime !== undefined) &&
      listed
    );
  });
  const ordered = runs.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
  for (const [index, run] of ordered.entries()) {
    const history = await workflow.getHandle(workflowId, run.runId).fetchHistory();
    // Who ran it is nobody's business.
    const text = historyToJSON(history).replaceAll(/"[^"]*@[^"]*"/g, '"test"');
    const file = `${fileName(name)}${ordered.length > 1 ? `-${index + 1}` : ""}.json`;
    await Bun.write(join(FOLDER, file), `${JSON.stringify(JSON.parse(text), undefined, 1)}\n`);
    process.stdout.write(`${file}: ${history.events?.length} events\n`);
  }
}

type Server = Awaited<ReturnType<typeof startTemporal>>;

async function recordScenes(server: Server, scenes: typeof SCENES, taskQueue: string, historyEvents?: number) {
  const worlds = new ChatWorlds();
  const replaced = new Map<string, Partial<Activities>>();
  const stepsOf = (chatId: string): Activities => ({ ...worlds.activities, ...replaced.get(chatId) });
  const activities: Activities = {
    look: (input) => stepsOf(input.chatId).look(input),
    callModel: (input, context) => stepsOf(input.chatId).callModel(input, context),
    runTool: (input, context) => stepsOf(input.chatId).runTool(input, context),
    endRun: (input) => stepsOf(input.chatId).endRun(input),
  };
  const options = { taskQueue, ...(historyEvents === undefined ? {} : { historyEvents }) };
  let running = await startTemporalEngine(server, { activities }, options);
  const stage: Stage = {
    worlds,
    running: () => running,
    replaceWorker: async () => {
      await running.stop();
      running = await startTemporalEngine(server, { activities }, options);
    },
    replaceSteps: (chatId, steps) => replaced.set(chatId, steps),
  };
  for (const [name, scene] of Object.entries(scenes)) {
    if (await isRecorded(name)) continue;
    const world = await scene(stage);
    await save(running, name, world.chat.chatId);
  }
  await running.stop();
}

async function recordDeaths(server: Server): Promise<void> {
  for (const death of DEATHS) {
    const name = `worker killed in ${death}`;
    if (await isRecorded(name)) continue;
    const taskQueue = `record-${fileName(death)}`;
    // A client: the workers are processes of their own.
    const worlds = new ChatWorlds();
    const running = await startTemporalEngine(server, worlds, { taskQueue: `${taskQueue}-none` });
    const engine = new TemporalEngine(running.connection, { taskQueue });
    const handle = (chatId: string) => running.connection.client.workflow.getHandle(chatWorkflowId(chatId));
    const workflow = {
      // The step hears of it with its next beat, within a second; its worker is to be gone by then.
      awaitCancel: (chatId: string) =>
        eventually("the cancel in the history", async () => {
          const { events } = await handle(chatId).fetchHistory();
          return events?.some((event) => event.activityTaskCancelRequestedEventAttributes) ?? false;
        }),
      awaitEnd: (chatId: string) => handle(chatId).result(),
    };
    await save(running, name, await killedWorker(death, engine, { address: server.address, taskQueue }, workflow));
    await running.stop();
  }
}

async function record(): Promise<void> {
  await using server = await startTemporal();
  await recordScenes(server, SCENES, "record");
  await recordScenes(server, SHORT_SCENES, "record-short", 20);
  await recordDeaths(server);
}

if (import.meta.main) await record();
