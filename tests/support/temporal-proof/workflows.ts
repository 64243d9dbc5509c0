import { proxyActivities, sleep } from "@temporalio/workflow";
import type { proofActivities } from "./activities.ts";

const { whereAmI } = proxyActivities<typeof proofActivities>({ startToCloseTimeout: "10 seconds" });

/** One timer and one activity: what every workflow of ours is made of. */
export async function proof(question: string): Promise<string> {
  await sleep(10);
  return `${question}: ${await whereAmI()}`;
}
