import type { Decision, LoopEnd } from "../../src/chat/agent-loop.ts";
import type { StepFailure } from "../../src/engine/guarded-steps.ts";

/** One recorded run: what happened in it, and what the loop decided from each view that it was given. */
export interface RecordedRun {
  /** See history-shape.ts. */
  readonly shape: readonly string[];
  readonly decisions: readonly Decision[];
}

export interface Branch {
  /** A recording that goes this way, without `.json`. */
  readonly history: string;
  /** How one sees that it does. */
  shows(run: RecordedRun): boolean;
}

type Outcome = Extract<Decision, { kind: "end_run" }>["outcome"];

/** Ways that the loop's own types name: a new one is a type error here until a recording goes it. */
type TypedBranch =
  | `decides: ${Decision["kind"]}`
  | `ends a run: ${Outcome}`
  | `comes to its end: ${LoopEnd}`
  | `a step is given up: ${StepFailure["kind"]}`;

/** Ways of the workflow that no type names. */
type WorkflowBranch =
  | "asks for an answer that was begun and whose writer is gone"
  | "stops at the most model calls of one run"
  | "runs several tools side by side, and one view knows of all results"
  | "runs several tools side by side, and looks again where no view knows of all results"
  | "is signalled while a step is under way"
  | "is signalled again and again"
  | "is woken where nothing is to be done"
  | "is started by a cancel"
  | "cancels an answer"
  | "cancels one tool"
  | "cancels several tools"
  | "is cancelled twice, and goes on with the next message"
  | "begins anew with the next message after it has ended"
  | "repeats a step of a worker that stopped"
  | "repeats a step of a worker that was killed"
  | "repeats a step that was refused for now"
  | "repeats a local step"
  | "holds a local step for longer than a workflow task"
  | "takes up a run whose workflow was ended by hand"
  | "continues as new after several tools"
  | "continues as new while messages come";

const has = (entry: string) => (run: RecordedRun) => run.shape.includes(entry);
const times = (entry: string, least: number) => (run: RecordedRun) =>
  run.shape.filter((each) => each === entry).length >= least;
const follows = (first: string, then: string) => (run: RecordedRun) => {
  const at = run.shape.indexOf(first);
  return at >= 0 && run.shape.indexOf(then, at) > at;
};
const decides = (kind: Decision["kind"]) => (run: RecordedRun) => run.decisions.some((each) => each.kind === kind);
const ends = (outcome: Outcome) => (run: RecordedRun) =>
  run.decisions.some((each) => each.kind === "end_run" && each.outcome === outcome);

export const BRANCHES: Readonly<Record<TypedBranch | WorkflowBranch, Branch>> = {
  "decides: call_model": { history: "answer", shows: decides("call_model") },
  "decides: run_tools": { history: "tools-one-after-the-other", shows: decides("run_tools") },
  "decides: end_run": { history: "cancel-of-a-tool", shows: decides("end_run") },
  "decides: rest": { history: "woken-for-nothing", shows: decides("rest") },
  "ends a run: succeeded": { history: "answer-whose-run-is-still-to-be-ended", shows: ends("succeeded") },
  "ends a run: failed": { history: "failed-answer", shows: ends("failed") },
  "ends a run: cancelled": { history: "cancel-of-an-answer", shows: ends("cancelled") },
  "comes to its end: rested": { history: "answer", shows: has("ended: completed") },
  "comes to its end: paused": { history: "continued-as-new-1", shows: has("ended: continued as new") },
  "a step is given up: failed": {
    history: "answer-that-can-never-be-asked-for",
    shows: follows("callModel failed", "endRun"),
  },
  "a step is given up: look_again": {
    history: "worker-killed-in-cancelled-tool",
    shows: (run) =>
      follows("runTool cancelled by us", "runTool timed out")(run) && follows("runTool timed out", "look")(run),
  },
  "asks for an answer that was begun and whose writer is gone": {
    history: "answer-of-a-run-that-was-ended-by-hand-2",
    shows: ({ decisions }) => decisions.some((each) => each.kind === "call_model" && each.messageId !== undefined),
  },
  "stops at the most model calls of one run": {
    history: "most-model-calls-of-a-run",
    shows: ({ decisions }) =>
      decisions.some((each) => each.kind === "end_run" && each.error?.code === "resource_exhausted"),
  },
  "runs several tools side by side, and one view knows of all results": {
    history: "many-tools-side-by-side-twice",
    shows: times("runTool completed", 14),
  },
  "runs several tools side by side, and looks again where no view knows of all results": {
    history: "results-that-no-view-knows-all-of",
    shows: (run) => times("runTool completed", 2)(run) && follows("runTool completed", "look")(run),
  },
  "is signalled while a step is under way": {
    history: "message-during-a-run",
    shows: follows("callModel begins", "signal look"),
  },
  "is signalled again and again": { history: "signal-storm", shows: times("signal look", 20) },
  "is woken where nothing is to be done": {
    history: "woken-for-nothing",
    shows: ({ decisions }) => decisions.length === 1,
  },
  "is started by a cancel": { history: "cancel-at-rest", shows: ({ shape }) => shape[0] === "signal cancel" },
  "cancels an answer": { history: "cancel-of-an-answer", shows: has("callModel cancelled by us") },
  "cancels one tool": { history: "cancel-of-a-tool", shows: has("runTool cancelled by us") },
  "cancels several tools": { history: "cancel-of-tools-side-by-side", shows: times("runTool cancelled by us", 4) },
  "is cancelled twice, and goes on with the next message": {
    history: "cancel-and-a-message",
    shows: (run) => times("signal cancel", 2)(run) && ends("cancelled")(run) && times("callModel completed", 2)(run),
  },
  "begins anew with the next message after it has ended": {
    history: "message-after-a-rest-2",
    shows: has("ended: completed"),
  },
  "repeats a step of a worker that stopped": {
    history: "answer-handed-over-by-a-worker-that-stops",
    shows: has("callModel attempt 2"),
  },
  "repeats a step of a worker that was killed": {
    history: "worker-killed-in-answer",
    shows: has("callModel attempt 2"),
  },
  "repeats a step that was refused for now": { history: "store-away-for-a-moment", shows: has("callModel attempt 3") },
  "repeats a local step": { history: "store-away-for-a-moment", shows: has("look attempt 3") },
  "holds a local step for longer than a workflow task": {
    history: "store-away-for-longer-than-a-workflow-task",
    shows: ({ shape }) => shape.indexOf("look") > 2,
  },
  "takes up a run whose workflow was ended by hand": {
    history: "answer-of-a-run-that-was-ended-by-hand-1",
    shows: has("ended: terminated"),
  },
  "continues as new after several tools": {
    history: "continued-as-new-with-tools-side-by-side-2",
    shows: (run) => times("runTool completed", 3)(run) && has("ended: continued as new")(run),
  },
  "continues as new while messages come": {
    history: "continued-as-new-while-messages-come-1",
    shows: (run) => times("signal look", 2)(run) && has("ended: continued as new")(run),
  },
};
