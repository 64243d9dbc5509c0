import { buildInfo } from "../build-info.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import type { CliContext } from "./command.ts";

export async function printVersion(settings: SettingsOf<"version">, context: CliContext): Promise<number> {
  const { version, commit, date, bun, target } = buildInfo();
  const facts = [commit, date, `bun ${bun}`, target].filter((fact) => fact !== undefined);
  const json = JSON.stringify({ version, commit: commit ?? null, date: date ?? null, bun, target });
  await context.write(settings.json ? `${json}\n` : `reliant ${version} (${facts.join(", ")})\n`);
  return 0;
}
