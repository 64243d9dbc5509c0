import { systemClock } from "../core/clock.ts";
import { toReliantError } from "../core/errors.ts";
import type { LogFormat } from "../core/logger.ts";

/** A warning as a line for standard error, in the form of the log lines that will follow it. */
export function warningLine(text: string, format: LogFormat, nowMs = systemClock.now()): string {
  if (format === "text") return `reliant: warning: ${text}`;
  const at = new Date(nowMs).toISOString();
  return JSON.stringify({ "@timestamp": at, level: "WARN", message: text, logger: "reliant.settings", properties: {} });
}

/** An error as lines for standard error: what failed and what to do next; the stack only for those who debug. */
export function errorLines(error: unknown, options: { readonly stack: boolean }): string {
  const known = toReliantError(error, "unexpected error");
  const lines = [`reliant: ${known.message}`];
  if (known.hint !== undefined) lines.push(`  ${known.hint}`);
  else if (known.code === "internal" && !options.stack) lines.push("  LOG_LEVEL=debug shows where it happened");
  if (options.stack) lines.push(...stacks(error));
  return lines.join("\n");
}

function stacks(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const own = error.stack ?? "";
  return error.cause === undefined ? [own] : [own, "caused by:", ...stacks(error.cause)];
}

/** True where the person debugs: by variable or flag, whichever command it is. */
export function wantsStack(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): boolean {
  const flag = argv.indexOf("--log-level");
  if (flag >= 0) return argv[flag + 1] === "debug";
  const inline = argv.find((argument) => argument.startsWith("--log-level="));
  return inline === undefined ? env.LOG_LEVEL?.toLowerCase() === "debug" : inline.endsWith("=debug");
}
