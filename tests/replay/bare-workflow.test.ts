import { expect, test } from "bun:test";
import { bareWorkflowCode } from "../../src/bench/raw-bare-workflow-code.ts";
import { workflowCode } from "../../src/engine/temporal/bundle/workflow-code.ts";

test("the bare workflow is in a bundle of its own, with the map that the SDK asks for and nothing in it", async () => {
  const [bare, ours] = await Promise.all([bareWorkflowCode(), workflowCode()]);
  expect(bare).toContain("bareSteps");
  expect(ours).not.toContain("bareSteps");
  const map = /sourceMappingURL=data:[^,]+,(\S+)/.exec(bare)?.[1] ?? "";
  // The SDK makes a path of `file` (worker.js, parseWorkflowCode): without it no worker starts.
  expect(JSON.parse(atob(map))).toEqual({
    ...{ version: 3, file: "raw-bare-workflow.js" },
    ...{ sources: [], names: [], mappings: "" },
  });
});
