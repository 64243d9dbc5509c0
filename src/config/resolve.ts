import { ReliantError } from "../core/errors.ts";
import { sortArgv } from "./argv.ts";
import type { Host } from "./host.ts";
import { mayBeShown, parseValue } from "./parse-value.ts";
import { userDataFolder } from "./paths.ts";
import { type Default, namesOf, type Row, type Scope, type Source, type Value } from "./row.ts";
import { RULES } from "./rules.ts";
import { maskAddress } from "./secret.ts";
import { type KeyedRow, rowsOf, type SettingKey, type SettingsOf } from "./settings-of.ts";
import { hasTypeOf } from "./value-type.ts";

/** Everything that could be told from arguments and variables alone. With faults, `values` holds those that are right. */
export interface Resolution<S extends Scope = Scope> {
  readonly scope: S;
  readonly values: ReadonlyMap<SettingKey, Value>;
  readonly sources: ReadonlyMap<SettingKey, Source>;
  readonly positionals: readonly string[];
  /** Each names flag and variable and says what to do. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/** Flag beats variable beats default; an empty variable counts as unset; all faults are found at once. Pure. */
export function resolve<S extends Scope>(
  scope: S,
  argv: readonly string[],
  host: Host,
  options: { readonly takesText?: boolean } = {},
): Resolution<S> {
  const rows = rowsOf(scope);
  const sorted = sortArgv(argv, rows);
  const values = new Map<SettingKey, Value>();
  const sources = new Map<SettingKey, Source>();
  const faults = [...sorted.faults];
  const [stray] = sorted.positionals;
  if (stray !== undefined && options.takesText !== true) {
    faults.push(`unexpected argument ${JSON.stringify(stray)}: values belong to a flag, as in --flag=value`);
  }
  for (const { key, row } of rows) {
    const raw = rawOf({ key, row }, sorted.given.get(key), host);
    sources.set(key, raw?.source ?? { kind: "default", name: "default" });
    if (raw !== undefined) {
      const parsed = parseValue(row.kind, raw.text);
      if (parsed.ok) values.set(key, parsed.value);
      else faults.push(faultText(row, raw, parsed.reason));
      continue;
    }
    const fallback = row.scopes[scope];
    if (isRequired(fallback)) faults.push(`${namesOf(row)} is required: ${row.text}`);
    const value = defaultValue(fallback, host);
    if (value !== undefined) values.set(key, value);
  }
  const warnings: string[] = [];
  for (const finding of RULES.flatMap((rule) => rule({ scope, values, sources }))) {
    if (finding.kind === "fault") faults.push(finding.text);
    if (finding.kind === "warning") warnings.push(finding.text);
    if (finding.kind === "force") {
      values.set(finding.key, finding.value);
      sources.set(finding.key, { kind: "forced", name: finding.because });
    }
  }
  return { scope, values, sources, positionals: sorted.positionals, faults, warnings };
}

/** The typed settings. Throws `usage` with every fault where there is one. */
export function settingsOf<S extends Scope>(resolution: Resolution<S>, faults = resolution.faults): SettingsOf<S> {
  if (faults.length > 0) throw new ReliantError("usage", faults.join("\n"));
  const settings = Object.fromEntries(rowsOf(resolution.scope).map(({ key }) => [key, resolution.values.get(key)]));
  if (isComplete(resolution.scope, settings)) return settings;
  throw new ReliantError("internal", `settings of ${resolution.scope} are not complete though no fault was found`);
}

/** Resolves in one step, without looking at files. Throws `usage` with every fault. */
export function resolveSettings<S extends Scope>(scope: S, argv: readonly string[], host: Host): SettingsOf<S> {
  return settingsOf(resolve(scope, argv, host));
}

function rawOf({ row }: KeyedRow, given: readonly string[] | undefined, host: Host): Raw | undefined {
  if (given !== undefined) {
    const text = row.kind.name === "list" ? given.join(",") : (given.at(-1) ?? "");
    return { text, source: { kind: "flag", name: row.flag } };
  }
  const variable = row.env === undefined ? undefined : host.env[row.env];
  if (row.env === undefined || variable === undefined || variable.trim() === "") return undefined;
  return { text: variable, source: { kind: "variable", name: row.env } };
}

interface Raw {
  readonly text: string;
  readonly source: Source;
}

function faultText(row: Row, raw: Raw, reason: string): string {
  const text = row.kind.name === "url" && raw.text.includes("@") ? maskAddress(raw.text) : raw.text;
  const shown = mayBeShown(row.kind) ? ` ${JSON.stringify(text.slice(0, 80))}` : "";
  const from = raw.source.kind === "flag" ? "the flag's value" : "the variable's value";
  return `${namesOf(row)}: ${from}${shown} cannot be used: ${reason}`;
}

function isRequired(fallback: Default | undefined): boolean {
  return typeof fallback === "object" && "kind" in fallback && fallback.kind === "required";
}

function isOptional(fallback: Default | undefined): boolean {
  return typeof fallback === "object" && "kind" in fallback && fallback.kind === "optional";
}

function defaultValue(fallback: Default | undefined, host: Host): Value | undefined {
  if (typeof fallback !== "object" || !("kind" in fallback)) return fallback;
  return fallback.kind === "userFolder" ? userDataFolder(host, fallback.name) : undefined;
}

/** Proves that each row of the scope has a value of its kind's type, which is what `SettingsOf` says. */
function isComplete<S extends Scope>(
  scope: S,
  values: Record<string, unknown>,
): values is SettingsOf<S> & typeof values {
  return rowsOf(scope).every(({ key, row }) => {
    const value = values[key];
    return value === undefined ? isOptional(row.scopes[scope]) : hasTypeOf(row.kind, value);
  });
}
