import { fileURLToPath } from "node:url";

/**
 * The workflow code as one script, for `workflowBundle: { code }`. From source it is bundled now (about a second); the
 * build puts a module in this one's place that holds the finished text, see `build.ts`.
 */
export async function workflowCode(): Promise<string> {
  const { bundleWorkflowCode, DefaultLogger } = await import("@temporalio/worker");
  const workflowsPath = fileURLToPath(new URL("../workflows.ts", import.meta.url));
  const bundle = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger("WARN") });
  return bundle.code;
}
