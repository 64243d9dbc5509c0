import type { Secret } from "./secret.ts";

/** The processes that a person configures: each has a page of settings in the README and in `reliant config --role`. */
export const ROLES = ["api", "worker", "gateway", "monolith", "daemon", "run"] as const;
export type Role = (typeof ROLES)[number];

/** Who takes a setting: a role, or one of the small commands. */
export type Scope =
  | Role
  | "register"
  | "status"
  | "stop"
  | "logs"
  | "token"
  | "version"
  | "config"
  | "chaos"
  | "bench"
  | "benchPeer";

/** What a setting's text must look like, and what it becomes. */
export type Kind =
  | { readonly name: "string"; readonly form?: { readonly pattern: RegExp; readonly says: string } }
  /** A folder, or a file that is written or run: nobody looks at it beforehand. */
  | { readonly name: "path"; readonly of?: "file" }
  | { readonly name: "file"; readonly holds: FileContent }
  | { readonly name: "pem" }
  | { readonly name: "port"; readonly listens: boolean }
  | { readonly name: "integer"; readonly min: number; readonly max: number }
  | { readonly name: "duration"; readonly minMs: number; readonly maxMs: number }
  | { readonly name: "boolean" }
  | { readonly name: "enum"; readonly choices: readonly string[] }
  | { readonly name: "url"; readonly protocols: readonly string[] }
  | { readonly name: "list" }
  | { readonly name: "secret" }
  | { readonly name: "secretUrl"; readonly protocols: readonly string[]; readonly several: boolean };

/** What a file that a setting names must hold; `any` is checked by whoever reads it. */
export type FileContent = "any" | "public key" | "private key" | "certificate";

/** The type that a setting of this kind has once it is resolved. */
export type ValueOf<K extends Kind> = K extends { readonly name: "port" | "integer" | "duration" }
  ? number
  : K extends { readonly name: "boolean" }
    ? boolean
    : K extends { readonly name: "enum"; readonly choices: readonly (infer Choice)[] }
      ? Choice
      : K extends { readonly name: "list" }
        ? readonly string[]
        : K extends { readonly name: "secret" | "secretUrl" }
          ? Secret
          : string;

/** Any resolved value. */
export type Value = string | number | boolean | readonly string[] | Secret;

/** Where a value came from: the name is the flag's, the variable's, or for `forced` the reason. */
export interface Source {
  readonly kind: "flag" | "variable" | "default" | "forced";
  readonly name: string;
}

/** May be left out; is `undefined` then. */
export interface Optional {
  readonly kind: "optional";
}
/** Must be given: there is no default that would be right. */
export interface Required {
  readonly kind: "required";
}
/** A folder of this name in the user's data folder, which depends on the platform (`paths.ts`). */
export interface UserFolder {
  readonly kind: "userFolder";
  readonly name: string;
}

export const OPTIONAL: Optional = { kind: "optional" };
export const REQUIRED: Required = { kind: "required" };

/** A default, or the rule that stands in its place. */
export type Default = string | number | boolean | readonly string[] | Optional | Required | UserFolder;
/** The scopes that take the setting, with the default of each. */
export type ScopeDefaults = { readonly [S in Scope]?: Default };

/** One row of the table. `env` is undefined where a variable would make no sense. */
export interface Row<K extends Kind = Kind, D extends ScopeDefaults = ScopeDefaults> {
  readonly flag: `--${string}`;
  readonly env: string | undefined;
  readonly kind: K;
  readonly scopes: D;
  readonly text: string;
}

/** The default of a scope fits the kind: no port has the default "eight". */
type FittingDefaults<K extends Kind> = { readonly [S in Scope]?: ValueOf<K> | Optional | Required | UserFolder };

/** One row: flag, variable, kind, defaults by scope, and a sentence for help and README. */
export function setting<const K extends Kind, const D extends FittingDefaults<K> & ScopeDefaults>(
  flag: `--${string}`,
  env: string | undefined,
  kind: K,
  scopes: D,
  text: string,
): Row<K, D> {
  return { flag, env, kind, scopes, text };
}

/** The same default in each of the three servers. */
export function servers<const T extends Default>(
  value: T,
): { readonly api: T; readonly worker: T; readonly gateway: T } {
  return { api: value, worker: value, gateway: value };
}

/** How a row is called in messages: by flag and variable. */
export function namesOf(row: Row): string {
  return row.env === undefined ? row.flag : `${row.flag} / ${row.env}`;
}
