import type { ToolDescription } from "../chat/tool-description.ts";
import { editFileTool } from "./edit-file.ts";
import { inputFaults, jsonSchemaOf, unknownTool } from "./input-faults.ts";
import { listFilesTool } from "./list-files.ts";
import { readFileTool } from "./read-file.ts";
import { searchFilesTool } from "./search-files.ts";
import { shellTool } from "./shell.ts";
import type { Tool } from "./tool.ts";
import { updatePlanTool } from "./update-plan.ts";
import { writeFileTool } from "./write-file.ts";

/** A call that can be run, or what the model must know to ask for one that can. */
export type ParsedToolCall =
  | { readonly kind: "fits"; readonly tool: Tool; readonly input: unknown }
  | { readonly kind: "unfit"; readonly text: string };

/** The tools that there are. */
export interface ToolCatalog {
  readonly names: readonly string[];
  readonly descriptions: readonly ToolDescription[];
  find(name: string): Tool | undefined;
  /** Finds the tool and reads its input by its schema. */
  parse(name: string, input: unknown): ParsedToolCall;
}

export interface ToolCatalogOptions {
  /** What the variables of commands are made of; default: this process's, without what belongs to reliant. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Finds ripgrep; default: on PATH. */
  readonly ripgrep?: () => string | undefined;
}

/** Makes the catalog. A new tool is a file, and a row here. */
export function createToolCatalog(options: ToolCatalogOptions = {}): ToolCatalog {
  const { environment = process.env, ripgrep = () => Bun.which("rg") ?? undefined } = options;
  const tools: readonly Tool[] = [
    shellTool(environment),
    readFileTool,
    writeFileTool,
    editFileTool,
    listFilesTool,
    searchFilesTool({ ripgrep, environment }),
    updatePlanTool,
  ];
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const names = tools.map((tool) => tool.name);
  return {
    names,
    descriptions: tools.map(({ name, description, inputSchema }) => {
      return { name, description, inputSchema: jsonSchemaOf(inputSchema) };
    }),
    find: (name) => byName.get(name),
    parse(name, input) {
      const tool = byName.get(name);
      if (tool === undefined) return { kind: "unfit", text: unknownTool(name, names) };
      const parsed = tool.inputSchema.safeParse(input);
      if (parsed.success) return { kind: "fits", tool, input: parsed.data };
      return { kind: "unfit", text: inputFaults(name, parsed.error, jsonSchemaOf(tool.inputSchema)) };
    },
  };
}
