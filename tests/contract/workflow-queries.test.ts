import { expect, setDefaultTimeout, test } from "bun:test";
import { openTemporalFacts } from "../../src/bench/raw-temporal-history.ts";
import { ChatWorlds, startTemporalEngine, workTool } from "../support/engine-world.ts";
import { eventually } from "../support/eventually.ts";
import { textAnswer, toolAnswer } from "../support/fake-model.ts";
import { sharedTemporal } from "../support/temporal-server.ts";

setDefaultTimeout(60_000);

/** What Temporal is asked for by one run with one tool call. Whoever needs more raises the number here, knowing what it costs. */
test("a run with one tool call takes three activities, one local activity and 26 events at most", async () => {
  await using server = await sharedTemporal();
  const worlds = new ChatWorlds();
  const tools = workTool(async () => ({ text: "worked", isError: false }));
  const world = worlds.add([toolAnswer({ name: "work", input: {} }), textAnswer("done")], tools);
  const running = await startTemporalEngine(server, worlds, { taskQueue: `q${crypto.randomUUID()}` });
  try {
    world.chat.say("use your tool");
    await running.engine.wake(world.chat.chatId);
    await eventually("the run to end", () => world.chat.run === undefined);
    await using facts = await openTemporalFacts(server.address, server.namespace);
    const history = await eventually("the workflow to end", async () => {
      const found = await facts.historyOf(`chat-${world.chat.chatId}`);
      return found.ended ? found : undefined;
    });
    expect(history).toMatchObject({ activities: 3, localActivities: 1 });
    expect(history.workflowTasks).toBeLessThanOrEqual(5);
    expect(history.events).toBeLessThanOrEqual(26);
  } finally {
    await running.stop();
  }
});
