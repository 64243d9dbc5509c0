import type { Host } from "../config/host.ts";
import { loadSettings } from "../config/load.ts";
import type { Scope } from "../config/row.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import { ReliantError } from "../core/errors.ts";
import type { CommandContext } from "../wiring/command-context.ts";
import { warningLine } from "./messages.ts";

/** What a command has of the world. */
export interface CliContext extends CommandContext {
  readonly host: Host;
  /** Writes to standard output; resolves when the text is handed over. */
  write(text: string): Promise<void>;
  /** Writes a line to standard error. */
  writeError(line: string): void;
  /** The whole standard input, bounded in size and time. */
  readStdin(): Promise<string>;
}

/** A command of the tree: `scope` says whose flags it takes. */
export interface Command {
  readonly kind: "command";
  readonly name: string;
  readonly summary: string;
  readonly scope: Scope;
  /** True for one that is not for people: no help shows it. */
  readonly hidden?: boolean | undefined;
  /** The text that the command takes beside its flags. */
  readonly text?: CommandText | undefined;
  /** Answers the exit code. */
  run(argv: readonly string[], context: CliContext, path: string): Promise<number>;
}

export interface CommandText {
  readonly name: string;
  readonly says: string;
  /** True where the command goes without, too. */
  readonly optional?: boolean;
}

/** Several commands under one word. */
export interface CommandGroup {
  readonly kind: "group";
  readonly name: string;
  readonly summary: string;
  readonly entries: readonly CommandEntry[];
}

export type CommandEntry = Command | CommandGroup;

/** A command that gets the settings of its scope, resolved and checked. Throws `usage` with all faults at once. */
export function command<S extends Scope>(spec: {
  readonly name: string;
  readonly summary: string;
  readonly scope: S;
  readonly hidden?: boolean;
  readonly text?: CommandText;
  run(settings: SettingsOf<S>, context: CliContext, text: string): Promise<number>;
}): Command {
  return {
    kind: "command",
    name: spec.name,
    summary: spec.summary,
    scope: spec.scope,
    hidden: spec.hidden,
    text: spec.text,
    async run(argv, context, path) {
      const loaded = await loadSettings(spec.scope, {
        argv,
        host: context.host,
        takesText: spec.text !== undefined,
        readStdin: () => context.readStdin(),
      });
      if (loaded.kind === "faults") throw usageError(loaded.faults, path);
      const text = loaded.positionals.join(" ");
      if (spec.text !== undefined && spec.text.optional !== true && text.trim() === "") {
        throw usageError([`${spec.text.name} is missing: ${spec.text.says}`], path);
      }
      const json = "logFormat" in loaded.settings && loaded.settings.logFormat === "json";
      const warn = (warning: string) => context.writeError(warningLine(warning, json ? "json" : "text"));
      for (const warning of loaded.warnings) warn(warning);
      return spec.run(loaded.settings, { ...context, warn }, text);
    },
  };
}

/** All faults of one call, a line each, and where its help is. */
export function usageError(faults: readonly string[], path: string): ReliantError {
  const [only] = faults;
  const message =
    faults.length === 1 && only !== undefined
      ? only
      : [`${faults.length} things are wrong:`, ...faults.map((fault) => `  - ${fault}`)].join("\n");
  return new ReliantError("usage", message, { hint: `${path} --help shows what it takes` });
}
