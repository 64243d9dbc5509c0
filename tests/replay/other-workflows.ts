import { sleep } from "@temporalio/workflow";

/** A workflow of the same name that waits first. */
export async function chat(): Promise<void> {
  await sleep(1000);
}
