import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { messageOf, ReliantError } from "../core/errors.ts";
import type { Invocation } from "./journal.ts";

/** What this machine lets tools do. It narrows what the cloud asks, never the other way. */
export interface Policy {
  /** `read_only`: only tools that change nothing. */
  readonly mode: "full" | "read_only";
  /** Absolute folders that tools may work in; undefined: whatever the chat names. */
  readonly allowedRoots: readonly string[] | undefined;
  readonly deniedTools: readonly string[];
  /** Command patterns for the shell; `*` is any text. */
  readonly deniedCommands: readonly string[];
}

export const OPEN_POLICY: Policy = { mode: "full", allowedRoots: undefined, deniedTools: [], deniedCommands: [] };

/** Tools that change nothing on the machine: what `read_only` leaves. Tools that are not named here are taken to change something. */
const READING_TOOLS: readonly string[] = ["read_file", "list_files", "search_files"];
const SHELL_TOOL = "shell";

const FOLDER = z
  .string()
  .transform((path) => (path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path))
  .refine((path) => isAbsolute(path), { error: 'must be an absolute path, or begin with "~/"' });
const PATTERN = z
  .string()
  .trim()
  .min(1)
  .refine((pattern) => /[^*\s]/.test(pattern), { error: "must name a command" });

const POLICY_FILE = z.strictObject({
  mode: z.enum(["full", "read_only"]).default("full"),
  allowed_roots: z.array(FOLDER).max(256).optional(),
  denied_tools: z.array(z.string().trim().min(1)).max(256).default([]),
  denied_commands: z.array(PATTERN).max(256).default([]),
});

/** Reads the text of a policy file, YAML or JSON. Throws `failed_precondition` with every fault, a line each. */
export function parsePolicy(text: string, path: string): Policy {
  let content: unknown;
  try {
    content = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw new ReliantError("failed_precondition", `read policy ${path}: ${messageOf(error)}`, { cause: error });
  }
  const parsed = POLICY_FILE.safeParse(content ?? {});
  if (!parsed.success) {
    throw new ReliantError("failed_precondition", `read policy ${path}:\n${z.prettifyError(parsed.error)}`, {
      hint: "it takes mode, allowed_roots, denied_tools, denied_commands",
    });
  }
  const { mode, allowed_roots: allowedRoots, denied_tools: deniedTools, denied_commands: deniedCommands } = parsed.data;
  return { mode, allowedRoots, deniedTools, deniedCommands };
}

/** Why the policy denies the call, as the model reads it; undefined where it does not. Folders are looked at when the call starts. */
export function denialOf(policy: Policy, invocation: Pick<Invocation, "toolName" | "inputJson">): string | undefined {
  const { toolName } = invocation;
  if (policy.deniedTools.includes(toolName)) return `This machine's policy denies the tool ${toolName}.`;
  if (policy.mode === "read_only" && !READING_TOOLS.includes(toolName)) {
    return `This machine's policy is read_only: ${toolName} is denied, ${READING_TOOLS.join(", ")} are allowed.`;
  }
  if (toolName !== SHELL_TOOL || policy.deniedCommands.length === 0) return undefined;
  const command = commandOf(invocation.inputJson);
  const pattern = policy.deniedCommands.find((denied) => matchesCommand(denied, command));
  return pattern === undefined ? undefined : `This machine's policy denies commands like ${JSON.stringify(pattern)}.`;
}

/**
 * True where the pattern occurs in the command, from the beginning of a word to the end of one, with blanks as one. It finds
 * too much rather than too little (`echo rm -rf /` as well), and a shell has ways around it: a guard against accidents,
 * while the wall is a user account of its own.
 */
function matchesCommand(pattern: string, command: string): boolean {
  const words = pattern.trim().split(/\s+/);
  const source = words.map((word) => word.split("*").map(escapeRegExp).join(".*")).join("\\s+");
  return new RegExp(`(?:^|[\\s;&|()<>\`'"$/{])${source}(?:$|[\\s;&|()<>\`'"}])`, "s").test(command);
}

/** All texts of the input: whichever field the command is in. */
function commandOf(inputJson: string): string {
  try {
    const input: unknown = JSON.parse(inputJson);
    if (typeof input !== "object" || input === null) return inputJson;
    return Object.values(input)
      .filter((value) => typeof value === "string")
      .join("\n");
  } catch {
    return inputJson;
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}
