import { z } from "zod";
import type { Activities } from "../../src/activities/activities.ts";
import type { ToolSet } from "../../src/activities/activity-deps.ts";
import { systemClock } from "../../src/core/clock.ts";
import { ReliantError } from "../../src/core/errors.ts";
import { EmbeddedEngine } from "../../src/engine/embedded/embedded-engine.ts";
import { TemporalConnection } from "../../src/engine/temporal/temporal-connection.ts";
import { TemporalEngine } from "../../src/engine/temporal/temporal-engine.ts";
import { runTemporalWorker } from "../../src/engine/temporal/temporal-worker.ts";
import type { WorkflowEngine } from "../../src/engine/workflow-engine.ts";
import type { Turns } from "../../src/store/turns.ts";
import type { Tool, ToolContext } from "../../src/tools/tool.ts";
import { eventually } from "./eventually.ts";
import { type FakeAnswer, FakeModel } from "./fake-model.ts";
import { type StepsWorld, stepsWorld } from "./steps-world.ts";
import type { TemporalServer } from "./temporal-server.ts";

/** Many fake chats behind one set of steps: an engine runs them as it would run those of a store. */
export class ChatWorlds {
  private readonly worlds = new Map<string, StepsWorld>();

  readonly activities: Activities = {
    look: (input) => this.of(input.chatId).steps.look(input),
    callModel: (input, context) => this.of(input.chatId).steps.callModel(input, context),
    runTool: (input, context) => this.of(input.chatId).steps.runTool(input, context),
    endRun: (input) => this.of(input.chatId).steps.endRun(input),
  };

  readonly turns = {
    chatsUnderWay: async () =>
      [...this.worlds.values()].filter(({ chat }) => chat.run !== undefined).map(({ chat }) => chat.chatId),
  };

  /** A chat whose model gives these answers and whose tools run where the steps run. */
  add(answers: readonly FakeAnswer[], tools?: ToolSet): StepsWorld & { readonly model: FakeModel } {
    const model = new FakeModel(answers);
    const world = stepsWorld({ model, stepsClock: systemClock, ...(tools === undefined ? {} : { tools }) });
    this.worlds.set(world.chat.chatId, world);
    return { ...world, model };
  }

  private of(chatId: string): StepsWorld {
    const world = this.worlds.get(chatId);
    if (world === undefined) throw new ReliantError("not_found", `find chat ${chatId}: none`);
    return world;
  }
}

/** One tool named `work` that runs where the steps run. */
export function workTool(run: (context: ToolContext, input: unknown) => ReturnType<Tool["run"]>): ToolSet {
  const tool: Tool = {
    ...{ name: "work", description: "Works.", inputSchema: z.unknown(), runsOn: "anywhere" },
    timeoutMs: () => 60_000,
    run: (input, context) => run(context, input),
  };
  return {
    descriptions: [{ name: "work", description: "Works.", inputSchema: {} }],
    parse: (name, input) =>
      name === "work" ? { kind: "fits", tool, input } : { kind: "unfit", text: `There is no tool ${name}.` },
  };
}

/** An engine with whatever runs its loops. */
export interface RunningEngine {
  readonly engine: WorkflowEngine;
  stop(): Promise<void>;
}

export async function startEmbedded(worlds: {
  readonly activities: Activities;
  readonly turns: Pick<Turns, "chatsUnderWay">;
}): Promise<RunningEngine> {
  const engine = new EmbeddedEngine({ activities: worlds.activities, turns: worlds.turns, clock: systemClock });
  await engine.start();
  return { engine, stop: () => engine.close() };
}

export async function startTemporalEngine(
  server: Pick<TemporalServer, "address" | "namespace">,
  worlds: Pick<ChatWorlds, "activities">,
  options: { readonly taskQueue: string; readonly historyEvents?: number },
): Promise<RunningEngine & { readonly connection: TemporalConnection }> {
  const { address, namespace } = server;
  const connection = TemporalConnection.open({ address, namespace }, systemClock);
  await connection.ready;
  const worker = runTemporalWorker({
    ...{ connection, activities: worlds.activities, clock: systemClock, taskQueue: options.taskQueue },
  });
  await eventually("the worker to run", () => worker.check(AbortSignal.timeout(5000)).then(() => true));
  const engine = new TemporalEngine(connection, options);
  return {
    engine,
    connection,
    stop: async () => {
      await worker.stop();
      await engine.close();
    },
  };
}
