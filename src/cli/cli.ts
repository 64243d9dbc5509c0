import { asksForHelp } from "../config/argv.ts";
import { SETTINGS } from "../config/settings.ts";
import { nearest } from "../config/suggest.ts";
import { ReliantError, toReliantError } from "../core/errors.ts";
import type { CliContext, CommandEntry, CommandGroup } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { renderHelp } from "./help.ts";
import { errorText, wantsJson, wantsStack } from "./messages.ts";

/** Runs the command that the arguments name and answers the exit code: 2 for wrong usage, else as `core/errors.ts` has it. */
export async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
  try {
    return await dispatch(argv, context);
  } catch (error) {
    context.writeError(failureText(error, argv, context.host.env));
    return toReliantError(error, "").row.exitCode;
  }
}

/** How the failure of this call is told: as JSON by the commands that log, where they are to log JSON. */
export function failureText(error: unknown, argv: readonly string[], env: CliContext["host"]["env"]): string {
  const { entry } = findEntry(COMMANDS, argv);
  const logs = entry.kind === "command" && entry.scope in SETTINGS.logFormat.scopes;
  return errorText(error, { format: logs && wantsJson(argv, env) ? "json" : "text", stack: wantsStack(argv, env) });
}

async function dispatch(argv: readonly string[], context: CliContext): Promise<number> {
  if (argv[0] === "help") return dispatch([...argv.slice(1), "--help"], context);
  if (argv[0] === "--version" || argv[0] === "-v") return dispatch(["version", ...argv.slice(1)], context);
  const { entry, path, rest } = findEntry(COMMANDS, argv);
  if (asksForHelp(rest)) {
    await context.write(renderHelp(entry, path));
    return 0;
  }
  if (entry.kind === "command") return entry.run(rest, context, path);
  const [word] = rest;
  if (word !== undefined) throw unknownWord(word, entry, path);
  context.writeError(renderHelp(entry, path));
  return 2;
}

function findEntry(
  root: CommandGroup,
  argv: readonly string[],
): { entry: CommandEntry; path: string; rest: readonly string[] } {
  let entry: CommandEntry = root;
  let path = root.name;
  let index = 0;
  while (entry.kind === "group") {
    const next: CommandEntry | undefined = entry.entries.find((child) => child.name === argv[index]);
    if (next === undefined) break;
    entry = next;
    path = `${path} ${next.name}`;
    index++;
  }
  return { entry, path, rest: argv.slice(index) };
}

function unknownWord(word: string, group: CommandGroup, path: string): ReliantError {
  const what = word.startsWith("-") ? `unknown flag ${word}` : `unknown command ${JSON.stringify(word)}`;
  const meant = elsewhere(word, group, path) ?? misspelt(word, group, path);
  const message = meant === undefined ? what : `${what}: did you mean ${meant}?`;
  return new ReliantError("usage", message, { hint: `${path} --help shows the commands` });
}

function misspelt(word: string, group: CommandGroup, path: string): string | undefined {
  const shown = group.entries.filter((entry) => entry.kind === "group" || entry.hidden !== true);
  const names = shown.map((entry) => entry.name);
  const meant = nearest(word, names);
  return meant === undefined ? undefined : `${path} ${meant}`;
}

/** The path of a command of this name in a group below: `reliant worker` means `reliant server worker`. */
function elsewhere(word: string, group: CommandGroup, path: string): string | undefined {
  for (const entry of group.entries) {
    if (entry.name === word) return `${path} ${word}`;
    const below = entry.kind === "group" ? elsewhere(word, entry, `${path} ${entry.name}`) : undefined;
    if (below !== undefined) return below;
  }
  return undefined;
}
