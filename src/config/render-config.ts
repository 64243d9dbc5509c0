import type { Resolution } from "./resolve.ts";
import type { Source, Value } from "./row.ts";
import { rowsOf, type SettingKey } from "./settings-of.ts";

/** One setting in force, as `reliant config` tells it; a secret is masked. */
export interface ConfigEntry {
  readonly setting: SettingKey;
  readonly flag: string;
  readonly variable: string | null;
  /** `null`: not set. */
  readonly value: string | number | boolean | readonly string[] | null;
  readonly source: Source["kind"];
  /** The flag or variable that set it, or why it was forced. */
  readonly from: string;
}

/** Every setting of the scope with what is in force and where that came from, in the table's order. Settings with a fault are not set. */
export function configEntries(resolution: Resolution): readonly ConfigEntry[] {
  return rowsOf(resolution.scope).map(({ key, row }) => {
    const source = resolution.sources.get(key) ?? { kind: "default", name: "default" };
    return {
      setting: key,
      flag: row.flag,
      variable: row.env ?? null,
      value: shown(resolution.values.get(key)),
      source: source.kind,
      from: source.name,
    };
  });
}

/** The entries in columns, for a terminal. */
export function renderConfig(entries: readonly ConfigEntry[]): string {
  const flagWidth = Math.max(...entries.map(({ flag }) => flag.length));
  const valueWidth = Math.min(48, Math.max(...entries.map(({ value }) => valueText(value).length)));
  return entries
    .map((entry) => {
      const source = entry.source === "default" ? "default" : `${entry.source} ${entry.from}`;
      return `${entry.flag.padEnd(flagWidth)}  ${valueText(entry.value).padEnd(valueWidth)}  ${source}`;
    })
    .join("\n");
}

function valueText(value: ConfigEntry["value"]): string {
  if (value === null) return "-";
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.join(",");
  return String(value).replaceAll("\n", "\\n");
}

function shown(value: Value | undefined): ConfigEntry["value"] {
  if (value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return "shown" in value ? value.shown : value;
}
