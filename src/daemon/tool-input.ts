import type { ToolResult } from "../chat/message.ts";
import { messageOf } from "../core/errors.ts";
import type { ToolCatalog } from "../tools/catalog.ts";
import type { ToolContext } from "../tools/tool.ts";
import type { Invocation } from "./journal.ts";

/** The tools that this machine has. */
export type MachineTools = Pick<ToolCatalog, "names" | "parse">;

/** A call that can be run, or what the model must know to ask for one that can. */
export type ReadInput =
  | { readonly kind: "ready"; run(context: ToolContext): Promise<ToolResult> }
  | { readonly kind: "faulty"; readonly text: string };

/** Finds the tool and reads its input, JSON as text, by its schema. */
export function readToolInput(tools: MachineTools, { toolName, inputJson }: Invocation): ReadInput {
  let content: unknown;
  try {
    content = JSON.parse(inputJson);
  } catch (error) {
    return { kind: "faulty", text: `The input of ${toolName} is not JSON: ${messageOf(error)}` };
  }
  const parsed = tools.parse(toolName, content);
  if (parsed.kind === "unfit") return { kind: "faulty", text: parsed.text };
  return { kind: "ready", run: (context) => parsed.tool.run(parsed.input, context) };
}
