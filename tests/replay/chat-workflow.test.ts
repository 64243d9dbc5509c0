import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { bundleWorkflowCode, DefaultLogger, Worker } from "@temporalio/worker";
import { z } from "zod";
import { decide } from "../../src/chat/agent-loop.ts";
import type { LoopView } from "../../src/chat/loop-view.ts";
import { workflowCode } from "../../src/engine/temporal/bundle/workflow-code.ts";
import { installTemporalRuntime } from "../../src/engine/temporal/temporal-runtime.ts";
import { BRANCHES, type RecordedRun } from "./branches.ts";
import { historyResults, historyShape } from "./history-shape.ts";

const FOLDER = join(import.meta.dir, "histories");
const HISTORIES = readdirSync(FOLDER).filter((file) => file.endsWith(".json"));

/** Fields that a step may take or give: ids, small facts, and the texts of failures. */
const SMALL_FACTS = new Set([
  ...["chatId", "historyEvents", "runId", "messageId", "toolCallId", "outcome", "error", "code", "message"],
  ...["run", "id", "cancelRequested", "modelCalls", "answer", "state", "openToolCallIds", "hasToolCalls", "unanswered"],
]);

const VIEW = z.custom<LoopView>((value) => typeof value === "object" && value !== null && "chatId" in value);

describe("histories of the chat workflow", () => {
  let code = "";

  beforeAll(async () => {
    installTemporalRuntime();
    code = await workflowCode();
  }, 60_000);

  test("are there for each way that it may go, twenty at least", async () => {
    const missing: string[] = [];
    for (const [branch, { history, shows }] of Object.entries(BRANCHES)) {
      const file = Bun.file(join(FOLDER, `${history}.json`));
      if (!((await file.exists()) && shows(runOf(await file.json())))) missing.push(`${branch} (${history})`);
    }
    expect(missing).toEqual([]);
    expect(HISTORIES.length).toBeGreaterThanOrEqual(20);
  });

  for (const file of HISTORIES) {
    test(`replay with the workflow of today: ${file}`, async () => {
      await Worker.runReplayHistory({ workflowBundle: { code } }, await Bun.file(join(FOLDER, file)).json());
    }, 30_000);

    test(`hold ids and small facts only: ${file}`, async () => {
      const payloads = payloadsOf(await Bun.file(join(FOLDER, file)).json());
      expect(payloads.length).toBeGreaterThan(0);
      const fields = new Set(payloads.flatMap(fieldsOf));
      expect([...fields].filter((field) => !SMALL_FACTS.has(field))).toEqual([]);
    });
  }

  describe("and a change of the order of its steps", () => {
    const replayed = async (workflows: string, history: string) => {
      const changed = await bundleWorkflowCode({
        workflowsPath: join(import.meta.dir, workflows),
        logger: new DefaultLogger("WARN"),
      });
      const recorded = await Bun.file(join(FOLDER, history)).json();
      await Worker.runReplayHistory({ workflowBundle: { code: changed.code } }, recorded);
    };

    test("without a patch marker: they do not replay", async () => {
      await expect(replayed("changed-workflows.ts", "tools-side-by-side.json")).rejects.toThrow(/nondeterminism/i);
    }, 60_000);

    test("with a patch marker: they do", async () => {
      await replayed("patched-workflows.ts", "tools-side-by-side.json");
      await replayed("patched-workflows.ts", "cancel-of-an-answer.json");
    }, 60_000);
  });
});

/** What the loop decided is not in a history; the views that it decided by are, and the decision is pure. */
function runOf(history: unknown): RecordedRun {
  const views = historyResults(history).map((text) => VIEW.parse(JSON.parse(text)));
  return { shape: historyShape(history), decisions: views.map((view) => decide(view)) };
}

/** Every payload of a history that is JSON, decoded; markers of the SDK hold its own bookkeeping beside ours. */
function payloadsOf(node: unknown): unknown[] {
  if (Array.isArray(node)) return node.flatMap(payloadsOf);
  if (typeof node !== "object" || node === null) return [];
  if ("metadata" in node && "data" in node && typeof node.data === "string") {
    const value: unknown = JSON.parse(Buffer.from(node.data, "base64").toString());
    return [value];
  }
  return Object.entries(node).flatMap(([key, value]) => (key === "data" ? [] : payloadsOf(value)));
}

function fieldsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(fieldsOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...fieldsOf(inner)]);
}
