import { Context } from "@temporalio/activity";
import type { Activities } from "../../activities/activities.ts";
import type { StepContext } from "../../activities/step-context.ts";
import { toReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { logger } from "../../core/logger.ts";
import { isWorthRepeating } from "../guarded-steps.ts";
import type { WorkflowActivities } from "./workflow-activities.ts";
import { toApplicationFailure } from "./workflow-failure.ts";

/** The steps as activities: they beat while they run, hear of cancels, and fail by code. `stopping`: this process ends. */
export function temporalActivities(activities: Activities, stopping: AbortSignal): WorkflowActivities {
  return {
    look: (input) => failing("look", () => activities.look(input)),
    endRun: (input) => failing("endRun", () => activities.endRun(input)),
    callModel: (input) => failing("callModel", () => beating(stopping, (step) => activities.callModel(input, step))),
    runTool: (input) => failing("runTool", () => beating(stopping, (step) => activities.runTool(input, step))),
  };
}

async function failing<T>(name: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (thrown) {
    const error = toReliantError(thrown, name);
    const { attempt, workflowExecution } = Context.current().info;
    const fields = { step: name, workflowId: workflowExecution?.workflowId, attempt, code: error.code };
    const again = isWorthRepeating(name, error);
    if (error.row.retryable) logger("engine", "temporal").warning("step will be repeated", fields);
    else if (again) logger("engine", "temporal").error("step failed and will be repeated", { ...fields, error });
    else logger("engine", "temporal").error("step can never succeed", { ...fields, error });
    throw toApplicationFailure(error, again);
  }
}

/** Beats for as long as the step runs: that is how Temporal knows that this process lives, and how a cancel comes here. */
async function beating<T>(stopping: AbortSignal, step: (context: StepContext) => Promise<T>): Promise<T> {
  const context = Context.current();
  const cancelled = new AbortController();
  const given = new AbortController();
  const onEnd = () => (context.cancellationDetails?.cancelRequested === true ? cancelled : given).abort();
  if (context.cancellationSignal.aborted) onEnd();
  context.cancellationSignal.addEventListener("abort", onEnd, { once: true });
  // None at once: each is a call that the server stores, and most steps have ended before the first one is due.
  const beat = setInterval(() => context.heartbeat(), LIMITS.activityBeatMs);
  try {
    return await step({ cancelled: cancelled.signal, stopping: AbortSignal.any([stopping, given.signal]) });
  } finally {
    clearInterval(beat);
    context.cancellationSignal.removeEventListener("abort", onEnd);
  }
}
