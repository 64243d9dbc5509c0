import { bundledWorkflows } from "../engine/temporal/bundle/bundled-workflows.ts";

/** The SDK refuses a bundle without a map. This one says nothing, and takes no room in the executable. */
const EMPTY_MAP = JSON.stringify({ version: 3, file: "raw-bare-workflow.js", sources: [], names: [], mappings: "" });

/** The bare SDK's workflow as one script, as `engine/temporal/bundle/workflow-code.ts` gives ours. The build replaces it, too. */
export async function bareWorkflowCode(): Promise<string> {
  const code = await bundledWorkflows(new URL("raw-bare-workflow.ts", import.meta.url));
  return code.replace(/(sourceMappingURL=data:[^,]+,)\S+/, (_, start: string) => `${start}${btoa(EMPTY_MAP)}`);
}
