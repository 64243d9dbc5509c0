/**
 * A process that runs the loops over a SQLite store, for tests that kill and freeze it. What it does it writes, a line
 * each, to the file of the notes. `go` is a file; the model's second answer waits until it is there.
 */
import { appendFileSync, existsSync } from "node:fs";
import { z } from "zod";
import { createActivities } from "../../src/activities/activities.ts";
import type { ToolSet } from "../../src/activities/activity-deps.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { ModelCatalog, ModelEvent, ModelRequest } from "../../src/models/model-provider.ts";
import { openStore } from "../../src/store/kysely/kysely-store.ts";
import { type ChatWorlds, startEmbedded, startTemporalEngine, workTool } from "./engine-world.ts";
import { eventually } from "./eventually.ts";
import { textAnswer, toolAnswer } from "./fake-model.ts";

const OPTIONS = z.object({
  name: z.string(),
  storeFile: z.string(),
  notes: z.string(),
  go: z.string(),
  toolGo: z.string(),
  temporal: z.object({ address: z.string(), taskQueue: z.string() }).optional(),
});
export type EngineHostOptions = z.infer<typeof OPTIONS>;

const WAIT_MS = 120_000;

function model(options: EngineHostOptions, note: (what: string) => void): ModelCatalog {
  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    const results = request.messages.filter((message) => message.role === "tool").length;
    note(`model asked with ${results} results`);
    if (results === 0) {
      yield* toolAnswer({ name: "work", input: {} });
      return;
    }
    const look = () => existsSync(options.go) || signal.aborted;
    await eventually("the test to let the model go", look, { timeoutMs: WAIT_MS });
    note("model answers");
    yield* textAnswer(`from ${options.name}`);
  }
  return { resolve: () => ({ provider: { stream }, model: "one" }) };
}

function tools(options: EngineHostOptions, note: (what: string) => void): ToolSet {
  const set = workTool(async ({ signal }) => {
    note("tool ran");
    const look = () => existsSync(options.toolGo) || signal.aborted;
    await eventually("the test to let the tool go", look, { timeoutMs: WAIT_MS });
    return { text: "worked", isError: false };
  });
  return {
    ...set,
    parse: (name, input) => {
      const parsed = set.parse(name, input);
      return parsed.kind === "fits" ? { ...parsed, tool: { ...parsed.tool, timeoutMs: () => 500 } } : parsed;
    },
  };
}

async function main(options: EngineHostOptions): Promise<void> {
  const note = (what: string) => appendFileSync(options.notes, `${options.name}: ${what}\n`);
  const store = await openStore({
    ...{ driver: "sqlite", file: options.storeFile, clock: systemClock, announce: () => undefined },
    signal: AbortSignal.timeout(30_000),
  });
  const steps = createActivities({
    ...{ store, models: model(options, note), tools: tools(options, note), clock: systemClock },
    router: {
      sendToolRequestSync: () => Promise.reject(new Error("no tool of this test runs on a machine")),
      cancelToolCall: async () => undefined,
    },
    chooseDaemon: async () => undefined,
    hub: { publish: () => undefined },
  });
  const activities: ChatWorlds["activities"] = {
    ...steps,
    callModel: async (input, context) => {
      try {
        return await steps.callModel(input, context);
      } finally {
        note("model step left");
      }
    },
  };
  const { temporal } = options;
  const running =
    temporal === undefined
      ? await startEmbedded({ activities, turns: store.turns })
      : await startTemporalEngine(
          { address: temporal.address, namespace: "reliant" },
          { activities },
          { taskQueue: temporal.taskQueue },
        );
  note("ready");
  process.stdout.write("ready\n");
  process.once("SIGTERM", () => {
    running
      .stop()
      .then(() => store.close())
      .then(() => process.exit(0));
  });
}

if (import.meta.main) await main(OPTIONS.parse(JSON.parse(process.argv[2] ?? "{}")));
