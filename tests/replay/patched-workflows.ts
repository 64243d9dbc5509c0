import { patched, sleep } from "@temporalio/workflow";
import { chat as unchanged } from "../../src/engine/temporal/workflows.ts";

/** The same change with its patch marker: runs that began without it go on as they were. */
export async function chat(input: Parameters<typeof unchanged>[0]): Promise<void> {
  if (patched("wait-first")) await sleep(1000);
  return unchanged(input);
}
