import type { CompiledQuery } from "kysely";

/**
 * A statement of the Postgres driver in SQLite's words, as far as batches of daemons use them. Locks are left out: a
 * transaction of the simulation is alone.
 */
export function inSqlite(compiled: CompiledQuery): CompiledQuery {
  const sql = compiled.sql
    .replaceAll(/ for (?:no key update|update|share)(?: skip locked)?/g, "")
    .replaceAll('collate "C"', "collate binary")
    .replaceAll(
      /json_to_recordset\(\?::text::json\)\s+as (\w+)\(([^)]*)\)/g,
      (_, name: string, columns: string) =>
        `(select ${columns.split(",").map(fieldOf).join(", ")} from json_each(?)) as ${name}`,
    )
    .replaceAll(/\?(?:::\w+(?:\[\])?)+/g, "?");
  return { ...compiled, sql };
}

/** True where the statement passes over rows that another transaction holds. */
export function skipsLocked(compiled: CompiledQuery): boolean {
  return compiled.sql.includes(" skip locked");
}

function fieldOf(column: string): string {
  const [name = ""] = column.trim().split(/\s+/);
  return `value ->> '${name}' as ${name}`;
}
