import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { bundleWorkflowCode, Worker } from "@temporalio/worker";
import { workflowCode } from "../../src/engine/temporal/bundle/workflow-code.ts";
import { installTemporalRuntime } from "../../src/engine/temporal/temporal-runtime.ts";

const FOLDER = join(import.meta.dir, "histories");
const HISTORIES = readdirSync(FOLDER).filter((file) => file.endsWith(".json"));

/** Fields that a step may take or give: ids, small facts, and the texts of failures. */
const SMALL_FACTS = new Set([
  ...["chatId", "historyEvents", "runId", "messageId", "toolCallId", "outcome", "error", "code", "message"],
  ...["run", "id", "cancelRequested", "modelCalls", "answer", "state", "openToolCallIds", "hasToolCalls", "unanswered"],
]);

describe("histories of the chat workflow", () => {
  let code = "";

  beforeAll(async () => {
    installTemporalRuntime();
    code = await workflowCode();
  }, 60_000);

  test("are there for each of its shapes", () => {
    expect(HISTORIES.sort()).toEqual([
      "answer.json",
      "cancel-of-a-tool.json",
      "continued-as-new-1.json",
      "continued-as-new-2.json",
      "continued-as-new-3.json",
      "failed-answer.json",
      "message-during-a-run.json",
      "step-that-can-never-succeed.json",
      "tools-side-by-side.json",
    ]);
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

  test("do not replay with a workflow that takes its steps in another order", async () => {
    const other = await bundleWorkflowCode({ workflowsPath: join(import.meta.dir, "other-workflows.ts") });
    const history = await Bun.file(join(FOLDER, "answer.json")).json();
    const replay = Worker.runReplayHistory({ workflowBundle: { code: other.code } }, history);
    await expect(replay).rejects.toThrow(/nondeterminism/i);
  }, 60_000);
});

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
