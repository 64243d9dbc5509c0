import type { ToolResult } from "./message.ts";
import type { ToolCallOutcome } from "./tool-call.ts";

/** What the model reads of a call that ended without a result of its tool. The one table of these texts. */
const TEXTS: Readonly<Record<ToolCallOutcome, string>> = {
  succeeded: "The tool ran and gave no output.",
  failed: "The tool could not be run.",
  denied: "The tool was not run: it is not allowed here.",
  cancelled:
    "The tool call was cancelled by the user. If it had begun, it was stopped, and what it did until then stands.",
  timed_out: "The tool did not finish in its time and was stopped. What it did until then stands.",
  unknown:
    "Nobody can tell how this tool call ended: the connection to the machine, or the process that ran it, was lost in the middle. It may have run wholly, partly or not at all. Look at the state of things before you repeat it.",
};

/** The result that stands for a call which ended without one. `text` is for whoever knows more than the outcome alone. */
export function outcomeResult(outcome: ToolCallOutcome, text: string = TEXTS[outcome]): ToolResult {
  return { text, isError: outcome !== "succeeded" };
}

/** The text of the outcome, with a sentence that says why. */
export function outcomeText(outcome: ToolCallOutcome, why: string): string {
  return `${TEXTS[outcome]}\n${why}`;
}
