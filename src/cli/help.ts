import { definition, renderFlags } from "../config/render-flags.ts";
import type { Command, CommandEntry } from "./command.ts";

const COMMAND_COLUMN = 22;

/** The help of a command or a group, ending with a line break. `path` is how it is called: `reliant server api`. */
export function renderHelp(entry: CommandEntry, path: string): string {
  return entry.kind === "command" ? commandHelp(entry, path) : groupHelp(entry.entries, entry.summary, path);
}

function groupHelp(entries: readonly CommandEntry[], summary: string, path: string): string {
  const lines = entries
    .flatMap((entry) => leaves(entry, ""))
    .map(({ name, summary }) => definition(name, summary.split(" "), COMMAND_COLUMN));
  return `${summary}

Usage: ${path} COMMAND [flags]

Commands:
${lines.join("\n")}

${path} COMMAND --help shows the flags of a command.
`;
}

function commandHelp(command: Command, path: string): string {
  const { text } = command;
  const usage =
    text === undefined ? `${path} [flags]` : `${path} [flags] ${text.optional === true ? `[${text.name}]` : text.name}`;
  const parts = [`${command.summary}\n\nUsage: ${usage}`];
  if (text !== undefined) parts.push(`${definition(text.name, text.says.split(" "), COMMAND_COLUMN)}`);
  parts.push(
    `Flags, with the environment variable that does the same; a flag beats a variable:\n${renderFlags(command.scope)}`,
  );
  return `${parts.join("\n\n")}\n`;
}

function leaves(entry: CommandEntry, prefix: string): readonly { readonly name: string; readonly summary: string }[] {
  const name = `${prefix}${entry.name}`;
  if (entry.kind === "command") return entry.hidden === true ? [] : [{ name, summary: entry.summary }];
  return entry.entries.flatMap((child) => leaves(child, `${name} `));
}
