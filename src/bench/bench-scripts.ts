import { join } from "node:path";

/** What the scripted model plays in measurements; models/scripted.md. */
const CONVERSATIONS = `  - match: one tool call
    turns:
      - steps:
          - tool_call: { name: read_file, input: { path: note.txt } }
      - steps:
          - text: "The file says hello."
  - match: a plan
    turns:
      - steps:
          - tool_call: { name: update_plan, input: { steps: [{ text: measure, status: in_progress }] } }
      - steps:
          - text: "The plan stands."
  - turns:
      - steps:
          - text: "Yes."
`;

/** A message whose run calls one tool of a daemon; one that calls a tool of the worker; one that calls none. */
export const ONE_TOOL_CALL = "one tool call, please";
export const ONE_PLAN = "a plan, please";
export const NO_TOOL = "say yes";

/** The script in a file of the folder, and the model's name by it. `more`: conversations of one part alone, as YAML. */
export async function writeBenchScript(
  folder: string,
  more = "",
): Promise<{ readonly file: string; readonly model: string }> {
  const file = join(folder, "bench-script.yaml");
  await Bun.write(file, `conversations:\n${more}${CONVERSATIONS}`);
  return { file, model: `scripted/${file}` };
}
