import { LIMITS } from "../core/limits.ts";
import type { Host } from "./host.ts";
import { type Resolution, resolve, settingsOf } from "./resolve.ts";
import { namesOf, type Scope } from "./row.ts";
import { Secret } from "./secret.ts";
import { rowsOf, type SettingsOf } from "./settings-of.ts";

/** Where settings come from when a command starts. */
export interface SettingsInput {
  readonly argv: readonly string[];
  readonly host: Host;
  /** True where arguments that belong to no flag are the command's text. */
  readonly takesText: boolean;
  /** The whole standard input, for a secret given as `-`. */
  readStdin(): Promise<string>;
}

export type LoadedSettings<S extends Scope> =
  | {
      readonly kind: "settings";
      readonly settings: SettingsOf<S>;
      readonly warnings: readonly string[];
      readonly positionals: readonly string[];
    }
  | { readonly kind: "faults"; readonly faults: readonly string[] };

/** Resolves the settings, looks at the files that they name, and reads a secret given as `-`. All faults come at once. */
export async function loadSettings<S extends Scope>(scope: S, input: SettingsInput): Promise<LoadedSettings<S>> {
  const resolution = resolve(scope, input.argv, input.host, { takesText: input.takesText });
  const faults = [...resolution.faults, ...(await fileFaults(resolution))];
  if (faults.length > 0) return { kind: "faults", faults };
  const stdin = await secretFromStdin(resolution, input);
  if (stdin.kind === "faults") return stdin;
  const settings = settingsOf({ ...resolution, values: stdin.values });
  return { kind: "settings", settings, warnings: resolution.warnings, positionals: resolution.positionals };
}

/** Loads what looks at files and keys only where there are some: `reliant version` starts without. */
export async function fileFaults(resolution: Resolution): Promise<readonly string[]> {
  const some = rowsOf(resolution.scope).some(
    ({ key, row }) => (row.kind.name === "file" || row.kind.name === "pem") && resolution.values.has(key),
  );
  return some ? (await import("./check-files.ts")).checkFiles(resolution) : [];
}

type WithStdin =
  | { readonly kind: "values"; readonly values: Resolution["values"] }
  | { readonly kind: "faults"; readonly faults: readonly string[] };

async function secretFromStdin(resolution: Resolution, input: SettingsInput): Promise<WithStdin> {
  const asking = rowsOf(resolution.scope).filter(({ key }) => {
    const value = resolution.values.get(key);
    return value instanceof Secret && value.reveal() === "-";
  });
  const [first] = asking;
  if (first === undefined) return { kind: "values", values: resolution.values };
  const names = asking.map(({ row }) => namesOf(row)).join(" and ");
  if (asking.length > 1) return fault(`${names} are both -: only one can be read from standard input`);
  const text = (await input.readStdin()).trim();
  if (text === "") return fault(`${names} is -, but standard input is empty: pipe the secret in`);
  if (text.length > LIMITS.settingFileBytes) return fault(`${names} is -, but standard input is too long for a secret`);
  return { kind: "values", values: new Map([...resolution.values, [first.key, new Secret(text)]]) };
}

function fault(text: string): WithStdin {
  return { kind: "faults", faults: [text] };
}
