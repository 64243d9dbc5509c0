import { bundledWorkflows } from "./bundled-workflows.ts";

/**
 * The workflow code as one script, for `workflowBundle: { code }`. From source it is bundled now (about a second); the
 * build puts a module in this one's place that holds the finished text, see `build.ts`.
 */
export function workflowCode(): Promise<string> {
  return bundledWorkflows(new URL("../workflows.ts", import.meta.url));
}
