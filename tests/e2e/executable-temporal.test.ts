import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { bundleWorkflowCode, DefaultLogger } from "@temporalio/worker";
import { buildExecutable, ownTarget } from "../../build.ts";
import { ManagedProcess } from "../../src/stack/managed-process.ts";
import { makeEmptyRoot } from "../support/empty-root.ts";
import { makeHostileFolder } from "../support/hostile-folder.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { sharedTemporal, type TemporalServer } from "../support/temporal-server.ts";

const PROOF = join(import.meta.dir, "../support/temporal-proof");

describe("a Temporal worker in a compiled program", () => {
  let temporal: TemporalServer;
  let folder: TempFolder;
  let program: string;

  beforeAll(async () => {
    temporal = await sharedTemporal();
    folder = await tempFolder("proof");
    program = join(folder.path, "proof");
    const { code } = await bundleWorkflowCode({
      workflowsPath: join(PROOF, "workflows.ts"),
      logger: new DefaultLogger("WARN"),
    });
    await buildExecutable({ entry: join(PROOF, "main.ts"), outfile: program, target: ownTarget(), workflowCode: code });
  }, 300_000);
  afterAll(async () => {
    await temporal.stop();
    await folder.remove();
  });

  test("runs a workflow with a timer and an activity in an empty root, and prints nothing else", async () => {
    await using inside = await tempFolder("root");
    const root = await makeEmptyRoot(inside.path, program);
    const run = await ManagedProcess.start({
      command: root.command(temporal.address, temporal.namespace),
      env: { PATH: process.env.PATH ?? "", HOME: "/tmp" },
      cwd: "/",
    });
    const status = await run.awaitExit(60_000);
    expect(status.code, run.newestOutput()).toBe(0);
    expect(run.stdout).toBe("where: in an empty root\n");
  });

  test("takes no code of the folder it is started in, its own thread's file name included", async () => {
    await using place = await tempFolder("hostile");
    const hostile = await makeHostileFolder(place.path);
    const run = await ManagedProcess.start({
      command: [program, temporal.address, temporal.namespace],
      env: { HOME: place.path },
      cwd: place.path,
    });
    const status = await run.awaitExit(60_000);
    expect(status.code, run.newestOutput()).toBe(0);
    expect(await hostile.traces()).toEqual([]);
  });
});
