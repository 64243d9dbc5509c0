import { fileURLToPath } from "node:url";

/** The workflows that a file exports, with all that they import, as one script with its source map. */
export async function bundledWorkflows(file: URL): Promise<string> {
  const { bundleWorkflowCode, DefaultLogger } = await import("@temporalio/worker");
  const bundle = await bundleWorkflowCode({ workflowsPath: fileURLToPath(file), logger: new DefaultLogger("WARN") });
  return bundle.code;
}
