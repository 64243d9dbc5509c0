import { defineSignal, proxyActivities, proxyLocalActivities, setHandler } from "@temporalio/workflow";
import { LIMITS } from "../core/limits.ts";

interface EmptyActivities {
  empty(): Promise<void>;
}

/**
 * What a run costs in the bare SDK: so many activities that do nothing, one after the other. `reliant bench` measures runs
 * beside it, in a bundle of its own: no worker of ours knows it.
 */
export async function bareSteps(input: {
  readonly activities: number;
  readonly localActivities: number;
}): Promise<void> {
  setHandler(defineSignal("look"), () => undefined);
  const timeout = { startToCloseTimeout: LIMITS.storeStepMs };
  const local = proxyLocalActivities<EmptyActivities>(timeout);
  const remote = proxyActivities<EmptyActivities>(timeout);
  for (let done = 0; done < input.localActivities; done++) await local.empty();
  for (let done = 0; done < input.activities; done++) await remote.empty();
}
