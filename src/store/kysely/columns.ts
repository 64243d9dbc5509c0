/** JSON that this store wrote, as the type that it wrote. */
export function readJson<T>(text: string): T {
  return JSON.parse(text);
}

/** JSON for a column; null where there is nothing. */
export function writeJson(value: object | string | number | boolean | null | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

type Defined<Fields> = { readonly [Key in keyof Fields]?: NonNullable<Fields[Key]> };

/** The fields that have a value; null and undefined are left out. */
export function defined<Fields extends object>(fields: Fields): Defined<Fields>;
export function defined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}

/** JSON of a column that may be empty. */
export function readOptionalJson<T>(text: string | null): T | undefined {
  return text === null ? undefined : readJson<T>(text);
}

/** Text for a text column: Postgres stores no U+0000, and neither database half a character. */
export function plainText(text: string): string {
  return text.replaceAll("\u0000", "\uFFFD").toWellFormed();
}
