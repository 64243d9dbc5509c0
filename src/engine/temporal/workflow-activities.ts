import type { EndRunInput } from "../../activities/activities.ts";
import type { CallModelInput } from "../../activities/call-model.ts";
import type { RunToolInput } from "../../activities/execute-tool.ts";
import type { LoopView } from "../../chat/loop-view.ts";

/** The steps as Temporal sees them: ids and small facts in, a view out. */
export interface WorkflowActivities {
  look(input: { readonly chatId: string }): Promise<LoopView>;
  callModel(input: CallModelInput): Promise<LoopView>;
  runTool(input: RunToolInput): Promise<LoopView>;
  endRun(input: EndRunInput): Promise<LoopView>;
}

/** What a chat's workflow is started with, and continues with. */
export interface ChatWorkflowInput {
  readonly chatId: string;
  /** Events of its history after which it continues as a new run. */
  readonly historyEvents: number;
}
