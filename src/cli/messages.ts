import { systemClock } from "../core/clock.ts";
import { toReliantError } from "../core/errors.ts";
import type { LogFormat } from "../core/logger.ts";

/** A warning as a line for standard error, in the form of the log lines that will follow it. */
export function warningLine(text: string, format: LogFormat, nowMs = systemClock.now()): string {
  if (format === "text") return `reliant: warning: ${text}`;
  const at = new Date(nowMs).toISOString();
  return JSON.stringify({ "@timestamp": at, level: "WARN", message: text, logger: "reliant.settings", properties: {} });
}

/** An error for standard error: a log line where the command writes JSON, else lines for people. */
export function errorText(
  error: unknown,
  options: { readonly format: LogFormat; readonly stack: boolean },
  nowMs = systemClock.now(),
): string {
  if (options.format === "text") return errorLines(error, options);
  const { code, message, hint } = toReliantError(error, "unexpected error");
  const properties = {
    code,
    ...(hint === undefined ? {} : { hint }),
    ...(options.stack ? { stack: stacks(error) } : {}),
  };
  const at = new Date(nowMs).toISOString();
  return JSON.stringify({ "@timestamp": at, level: "ERROR", message, logger: "reliant", properties });
}

/** An error as lines for standard error: what failed and what to do next; the stack only for those who debug. */
function errorLines(error: unknown, options: { readonly stack: boolean }): string {
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

type Variables = Readonly<Record<string, string | undefined>>;

/** True where the person debugs: by variable or flag, whichever command it is. */
export function wantsStack(argv: readonly string[], env: Variables): boolean {
  return (asked(argv, "--log-level") ?? env.LOG_LEVEL?.toLowerCase()) === "debug";
}

/** True where log lines are to be JSON, as far as arguments and variables say before they are checked. */
export function wantsJson(argv: readonly string[], env: Variables): boolean {
  return (asked(argv, "--log-format") ?? env.LOG_FORMAT?.toLowerCase()) === "json";
}

function asked(argv: readonly string[], flag: string): string | undefined {
  const at = argv.indexOf(flag);
  if (at >= 0) return argv[at + 1] ?? "";
  return argv.find((argument) => argument.startsWith(`${flag}=`))?.slice(flag.length + 1);
}
