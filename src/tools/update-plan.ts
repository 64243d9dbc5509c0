import { z } from "zod";
import { LIMITS } from "../core/limits.ts";
import type { Tool } from "./tool.ts";
import { count, failed, succeeded } from "./tool-result.ts";

const MARKS = { pending: "[ ]", in_progress: "[>]", done: "[x]" } as const;

const inputSchema = z.strictObject({
  steps: z
    .array(
      z.strictObject({
        text: z.string().trim().min(1).max(500).describe("What is to be done"),
        status: z.enum(["pending", "in_progress", "done"]),
      }),
    )
    .min(1)
    .max(50)
    .describe("All steps, in order; the list takes the place of the last one"),
});

export const updatePlanTool: Tool<typeof inputSchema> = {
  name: "update_plan",
  description:
    "Keeps your list of steps for work that takes several, so that the user sees how far it is. " +
    "Send the whole list each time; one step at most is in_progress.",
  inputSchema,
  runsOn: "anywhere",
  timeoutMs: () => LIMITS.fileToolMs,
  async run({ steps }) {
    const active = steps.filter((step) => step.status === "in_progress").length;
    if (active > 1) return failed(`${active} steps are in_progress; one at most may be.`);
    const done = steps.filter((step) => step.status === "done").length;
    const list = steps.map((step) => `${MARKS[step.status]} ${step.text}`).join("\n");
    return succeeded(`${done} of ${count(steps.length, "step")} done.\n${list}`, { steps });
  },
};
