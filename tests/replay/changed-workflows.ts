import { sleep } from "@temporalio/workflow";
import { chat as unchanged } from "../../src/engine/temporal/workflows.ts";

/** The chat's workflow with a step before all others, as a change that forgot its patch marker would have it. */
export async function chat(input: Parameters<typeof unchanged>[0]): Promise<void> {
  await sleep(1000);
  return unchanged(input);
}
