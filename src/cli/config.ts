import { splitArgv } from "../config/argv.ts";
import { fileFaults } from "../config/load.ts";
import { configEntries, renderConfig } from "../config/render-config.ts";
import { resolve, settingsOf } from "../config/resolve.ts";
import { rowsOf } from "../config/settings-of.ts";
import { type CliContext, usageError } from "./command.ts";
import { warningLine } from "./messages.ts";

/** Prints a role's settings as its process would have them. With faults, prints those that are right, then throws `usage`. */
export async function showConfig(argv: readonly string[], context: CliContext, path: string): Promise<number> {
  const { mine, others } = splitArgv(argv, rowsOf("config"));
  const own = resolve("config", mine, context.host);
  if (own.faults.length > 0) throw usageError(own.faults, path);
  const { role, json } = settingsOf(own);
  const resolution = resolve(role, others, context.host);
  const entries = configEntries(resolution);
  await context.write(json ? `${JSON.stringify(entries, null, 2)}\n` : `${renderConfig(entries)}\n`);
  for (const warning of resolution.warnings) context.writeError(warningLine(warning, "text"));
  const faults = [...resolution.faults, ...(await fileFaults(resolution))];
  if (faults.length > 0) throw usageError(faults, `${path} --role ${role}`);
  return 0;
}
