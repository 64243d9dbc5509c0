import { type RawBuilder, sql } from "kysely";
import type { Driver } from "./database.ts";

/**
 * Lists as one parameter, so that a statement is the same for any number of ids and prepared once. Postgres: cast by
 * way of text, because postgres.js would write a parameter of type json as JSON once more.
 */

/**
 * The ids as a subquery: `where id in (…)`. For Postgres an array, which it takes for ten rows and looks up by the index;
 * a list in JSON it takes for a hundred, and reads a table of some thousand rows whole.
 */
export function idList(driver: Driver, ids: readonly string[]): RawBuilder<string> {
  return driver === "postgres"
    ? sql<string>`(select unnest(${arrayText(ids)}::text::text[]))`
    : sql<string>`(select value from json_each(${JSON.stringify(ids)}))`;
}

/** As Postgres writes arrays: each element in quotes, quotes and backslashes escaped. */
function arrayText(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`).join(",")}}`;
}

/** Daemon ids with their epochs as a table `fence(id, epoch)`. */
export function fenceTable(
  driver: Driver,
  fences: readonly { readonly daemonId: string; readonly epoch: number }[],
): RawBuilder<unknown> {
  if (driver === "postgres") {
    // Arrays: read in a third of the time of JSON.
    const ids = arrayText(fences.map(({ daemonId }) => daemonId));
    const epochs = arrayText(fences.map(({ epoch }) => String(epoch)));
    return sql`unnest(${ids}::text::text[], ${epochs}::text::bigint[]) as fence(id, epoch)`;
  }
  const list = JSON.stringify(fences.map(({ daemonId, epoch }) => ({ id: daemonId, epoch })));
  return sql`(select value ->> 'id' as id, value ->> 'epoch' as epoch from json_each(${list})) as fence`;
}
