import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import type { ToolResult } from "../../../src/chat/message.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { fitResult } from "../../../src/daemon/fit-result.ts";
import { thisMachine } from "../../../src/daemon/machine.ts";
import { OutputFiles } from "../../../src/daemon/output-files.ts";
import { type Ended, ToolRunner } from "../../../src/daemon/tool-runner.ts";
import type { ToolContext } from "../../../src/tools/tool.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { tempFolder } from "../../support/temp-folder.ts";

/** Runs one call of a tool that does what the test says. */
async function runTool(
  run: (context: ToolContext) => Promise<ToolResult>,
  drive: (world: { clock: ManualClock; runner: ToolRunner; ended: Ended[] }) => Promise<void>,
): Promise<Ended[]> {
  await using folder = await tempFolder("runner");
  const clock = new ManualClock();
  const ended: Ended[] = [];
  let began = false;
  const tool = {
    name: "probe",
    description: "",
    inputSchema: z.object({}),
    runsOn: "daemon" as const,
    timeoutMs: () => 1000,
    run: (_: unknown, context: ToolContext) => {
      began = true;
      return run(context);
    },
  };
  const runner = new ToolRunner({
    tools: { names: ["probe"], parse: () => ({ kind: "fits", tool, input: {} }) },
    clock,
    outputs: await OutputFiles.open(join(folder.path, "outputs")),
    machine: thisMachine(join(folder.path, "outputs")),
    rootLimits: () => [],
    pushOutput: () => true,
    onEnded: (_, end) => ended.push(end),
  });
  runner.run("call_1", { toolName: "probe", inputJson: "{}", roots: [folder.path], timeoutMs: 1000, chatId: "c" });
  await eventually("the tool to begin", () => began);
  await drive({ clock, runner, ended });
  await eventually("the call to end", () => ended.length > 0);
  await runner.stop();
  return ended;
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

describe("the runner of tools", () => {
  test("gives what the tool gives", async () => {
    const result = { text: "ok", isError: false, details: { count: 1 } };
    expect(
      await runTool(
        async () => result,
        async () => {},
      ),
    ).toEqual([{ ending: "finished", result }]);
  });

  test("tells the model where a tool throws", async () => {
    const [end] = await runTool(
      async () => {
        throw new Error("no such device");
      },
      async () => {},
    );
    expect(end).toMatchObject({
      ending: "finished",
      result: { isError: true, text: expect.stringMatching(/no such device/) },
    });
  });

  test("ends the tool when its time is over, not before, and keeps what it had", async () => {
    const [end] = await runTool(
      async ({ signal }) => {
        await aborted(signal);
        return { text: "half", isError: true };
      },
      async ({ clock, ended }) => {
        await clock.advance(999);
        expect(ended).toEqual([]);
        await clock.advance(1);
      },
    );
    expect(end).toEqual({ ending: "timed_out", result: { text: "half", isError: true } });
  });

  test("a cancel counts, not the time that is over later", async () => {
    const [end] = await runTool(
      ({ signal }) => aborted(signal).then(() => Promise.reject(signal.reason)),
      async ({ clock, runner }) => {
        runner.end("call_1", false);
        await clock.advance(5000);
      },
    );
    expect(end).toMatchObject({ ending: "cancelled", result: { text: "Cancelled while it ran." } });
  });

  test("leaves a tool behind that does not end, and says so", async () => {
    const [end] = await runTool(
      () => new Promise(() => {}),
      async ({ clock, runner, ended }) => {
        runner.end("call_1", false);
        await clock.advance(LIMITS.toolEndMs - 1);
        expect(ended).toEqual([]);
        await clock.advance(1);
      },
    );
    expect(end).toMatchObject({
      ending: "cancelled",
      result: { text: expect.stringContaining("may still be at work") },
    });
  });

  test("ends everything when it stops", async () => {
    const [end] = await runTool(
      async ({ signal }) => {
        await aborted(signal);
        return { text: "stopped", isError: true };
      },
      async ({ runner }) => runner.stop(),
    );
    expect(end).toMatchObject({ ending: "cancelled", result: { text: "stopped" } });
  });
});

describe("a result on its way", () => {
  test("is left as it is where it fits", () => {
    const result = { text: "ok", isError: false, images: [{ mediaType: "image/png", data: "AAAA" }], details: [1] };
    expect(fitResult(result)).toEqual(result);
  });

  test("keeps head and tail of a text that is too long, cut between characters", () => {
    const { text } = fitResult({ text: `begin ${"ä".repeat(100_000)} end`, isError: false });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMITS.toolResultTextBytes);
    expect(text).toMatch(/^begin ä+\n\[… \d+ bytes left out …\]\nä+ end$/);
  });

  test("leaves out images and details that no frame takes, and says so", () => {
    const image = { mediaType: "image/png", data: "A".repeat(2 * 1024 * 1024) };
    const fitted = fitResult({
      text: "pictures",
      isError: false,
      images: [image, image, image],
      details: "x".repeat(100_000),
    });
    expect(fitted.images).toHaveLength(2);
    expect(fitted.details).toBeUndefined();
    expect(fitted.text).toBe("pictures\n[1 of 3 images left out: too large]\n[details left out: too large]");
  });
});
