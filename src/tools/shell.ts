import { stat } from "node:fs/promises";
import { z } from "zod";
import type { ToolResult } from "../chat/message.ts";
import { messageOf } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { confine } from "./paths.ts";
import { type CommandEnd, runCommand } from "./run-command.ts";
import { shellCommand } from "./shell-command.ts";
import type { Tool } from "./tool.ts";
import { failed, succeeded } from "./tool-result.ts";

const inputSchema = z.strictObject({
  command: z.string().min(1).describe("Command line, run by bash (sh where there is none; PowerShell on Windows)"),
  workdir: z.string().optional().describe("Folder to run in; default: the project's folder"),
  timeout_ms: z
    .int()
    .min(1)
    .max(LIMITS.shellMaxMs)
    .optional()
    .describe(`Milliseconds until it is ended; default ${LIMITS.shellDefaultMs}, at most ${LIMITS.shellMaxMs}`),
});

/** Runs a command on the machine of the chat's daemon. */
export function shellTool(environment: Readonly<Record<string, string | undefined>>): Tool<typeof inputSchema> {
  return {
    name: "shell",
    description:
      "Runs a shell command on the user's machine and gives its output and exit code. No terminal, no input: commands that ask or never end fail. " +
      "It ends with the command: processes left in the background are killed. Of long output you get the beginning and the end.",
    inputSchema,
    runsOn: "daemon",
    timeoutMs: ({ timeout_ms }) => timeout_ms ?? LIMITS.shellDefaultMs,
    async run({ command, workdir }, context) {
      if (command.includes("\0")) return failed("A command cannot contain a NUL character.");
      const place = await confine(workdir ?? ".", context.roots);
      if (place.kind === "refused") return failed(place.text);
      const found = await stat(place.path).catch(() => undefined);
      if (found?.isDirectory() !== true) return failed(`There is no folder ${workdir ?? place.path} to run in.`);
      if (context.signal.aborted) return failed("Ended before the command began.");
      const [program, ...args] = shellCommand(command, process.platform, Bun.which);
      try {
        return resultOf(await runCommand({ program, args, folder: place.path, environment }, context));
      } catch (error) {
        return failed(`The shell ${program} could not be started: ${messageOf(error)}`);
      }
    },
  };
}

function resultOf(end: CommandEnd): ToolResult {
  const how = end.signal === null ? `Exit code ${end.exitCode}` : `Ended by ${end.signal}`;
  const kept =
    end.outputFile === undefined || end.leftOutBytes === 0 ? "" : ` The whole output is in ${end.outputFile}.`;
  const note = end.note === undefined ? "" : ` (${end.note})`;
  const output = end.text === "" ? "(no output)" : end.text.replace(/\n$/, "");
  const text = `${how}, ${(end.durationMs / 1000).toFixed(1)} s.${kept}${note}\n${output}`;
  const details = {
    exitCode: end.exitCode,
    signal: end.signal,
    durationMs: end.durationMs,
    stdoutBytes: end.stdoutBytes,
    stderrBytes: end.stderrBytes,
    outputFile: end.outputFile ?? null,
  };
  return end.exitCode === 0 && end.signal === null ? succeeded(text, details) : failed(text, details);
}
