import type { Row, Scope, ValueOf } from "./row.ts";
import { SETTINGS } from "./settings.ts";

type Table = typeof SETTINGS;
export type SettingKey = keyof Table;

/** The settings that a scope takes. */
export type KeysOf<S extends Scope> = { [K in SettingKey]: S extends keyof Table[K]["scopes"] ? K : never }[SettingKey];

type DefaultOf<K extends SettingKey, S extends Scope> = S extends keyof Table[K]["scopes"]
  ? Table[K]["scopes"][S]
  : never;

/** The resolved settings of one scope, as its wiring gets them. */
export type SettingsOf<S extends Scope> = {
  readonly [K in KeysOf<S>]: DefaultOf<K, S> extends { readonly kind: "optional" }
    ? ValueOf<Table[K]["kind"]> | undefined
    : ValueOf<Table[K]["kind"]>;
};

/** A row with its key. */
export interface KeyedRow {
  readonly key: SettingKey;
  readonly row: Row;
}

const ROWS: readonly KeyedRow[] = Object.keys(SETTINGS)
  .filter(isSettingKey)
  .map((key) => ({ key, row: SETTINGS[key] }));

/** Made once: walking the table again for each question made it hot code, whose compiling took longer than all questions. */
const ROWS_OF = new Map<Scope, readonly KeyedRow[]>();

/** All rows, in the table's order. */
export function allRows(): readonly KeyedRow[] {
  return ROWS;
}

/** The rows that a scope takes, in the table's order. */
export function rowsOf(scope: Scope): readonly KeyedRow[] {
  const known = ROWS_OF.get(scope);
  if (known !== undefined) return known;
  const rows = ROWS.filter(({ row }) => row.scopes[scope] !== undefined);
  ROWS_OF.set(scope, rows);
  return rows;
}

/** True where the text is the key of a row. */
function isSettingKey(text: string): text is SettingKey {
  return Object.hasOwn(SETTINGS, text);
}
