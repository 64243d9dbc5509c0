import {
  ActivityCancellationType,
  CancellationScope,
  continueAsNew,
  defineSignal,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  uuid4,
  workflowInfo,
} from "@temporalio/workflow";
import { type AgentSteps, runAgentLoop } from "../../chat/agent-loop.ts";
import { LIMITS } from "../../core/limits.ts";
import { guardedSteps } from "../guarded-steps.ts";
import { toolQueueOf } from "./task-queues.ts";
import type { ChatWorkflowInput, WorkflowActivities } from "./workflow-activities.ts";
import { stepFailureOf } from "./workflow-failure.ts";
import { CANCEL_SIGNAL, LOOK_SIGNAL } from "./workflow-signals.ts";

/** A step is repeated for as long as what it needs is away; what can never succeed says so itself. */
const RETRY = {
  initialInterval: LIMITS.stepRetryBaseMs,
  backoffCoefficient: 2,
  maximumInterval: LIMITS.stepRetryMaxMs,
} as const;

/**
 * The loop of one chat. Signals only make it look: what is to be done stands in the store. It ends when nothing is left
 * to do. A change of the order of its commands needs a patch marker: tests/replay tells.
 */
export async function chat(input: ChatWorkflowInput): Promise<void> {
  let mustLookAgain = false;
  // Of the steps under way; each cancel uses one up.
  let cancelling = new CancellationScope();
  setHandler(defineSignal(LOOK_SIGNAL), () => {
    mustLookAgain = true;
  });
  setHandler(defineSignal(CANCEL_SIGNAL), () => {
    mustLookAgain = true;
    const now = cancelling;
    cancelling = new CancellationScope();
    now.cancel();
  });
  const steps = guardedSteps(
    stepsOf(input.chatId, (step) => cancelling.run(step)),
    stepFailureOf,
  );
  for (;;) {
    mustLookAgain = false;
    const end = await runAgentLoop(steps, (done) => done === 0 || !historyIsLong(input.historyEvents));
    // No await between here and the end of the run: a signal that came until now was seen, and a later one starts a new run.
    if (end === "paused") return continueAsNew<typeof chat>(input);
    if (!mustLookAgain) return;
  }
}

function historyIsLong(maxEvents: number): boolean {
  const { historyLength, continueAsNewSuggested } = workflowInfo();
  return continueAsNewSuggested || historyLength >= maxEvents;
}

type StepRunner = <T>(step: () => Promise<T>) => Promise<T>;

function stepsOf(chatId: string, cancellable: StepRunner): AgentSteps {
  const { look, endRun } = proxyLocalActivities<WorkflowActivities>({
    startToCloseTimeout: LIMITS.storeStepMs,
    retry: RETRY,
  });
  const { callModel } = proxyActivities<WorkflowActivities>({
    startToCloseTimeout: (LIMITS.modelCallMs + LIMITS.modelRetryMaxMs) * LIMITS.modelAttempts + LIMITS.persistMs,
    heartbeatTimeout: LIMITS.activityHeartbeatMs,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: RETRY,
  });
  const { runTool } = proxyActivities<WorkflowActivities>({
    taskQueue: toolQueueOf(workflowInfo().taskQueue),
    startToCloseTimeout: LIMITS.toolStepMs,
    heartbeatTimeout: LIMITS.activityHeartbeatMs,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: RETRY,
  });
  return {
    look: () => look({ chatId }),
    callModel: (step) => cancellable(() => callModel({ chatId, ...step })),
    runTool: (step) => cancellable(() => runTool({ chatId, ...step })),
    endRun: (step) => endRun({ chatId, ...step }),
    newMessageId: () => `msg_${uuid4().replaceAll("-", "")}`,
  };
}
