import { type RawBuilder, sql } from "kysely";
import type { Driver } from "./database.ts";

/**
 * Lists as one parameter, so that a statement is the same for any number of ids and prepared once. Postgres: cast by
 * way of text, because postgres.js would write a parameter of type json as JSON once more.
 */

/** The ids as a subquery: `where id in (…)`. */
export function idList(driver: Driver, ids: readonly string[]): RawBuilder<string> {
  const list = JSON.stringify(ids);
  return driver === "postgres"
    ? sql<string>`(select json_array_elements_text(${list}::text::json))`
    : sql<string>`(select value from json_each(${list}))`;
}

/** Daemon ids with their epochs as a table `fence(id, epoch)`. */
export function fenceTable(
  driver: Driver,
  fences: readonly { readonly daemonId: string; readonly epoch: number }[],
): RawBuilder<unknown> {
  const list = JSON.stringify(fences.map(({ daemonId, epoch }) => ({ id: daemonId, epoch })));
  return driver === "postgres"
    ? sql`json_to_recordset(${list}::text::json) as fence(id text, epoch bigint)`
    : sql`(select value ->> 'id' as id, value ->> 'epoch' as epoch from json_each(${list})) as fence`;
}
