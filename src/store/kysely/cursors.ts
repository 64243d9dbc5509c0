import { type RawBuilder, sql } from "kysely";
import { ReliantError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";

/** A place in an ordered list as an opaque text: base64url of JSON. */
export function writeCursor(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

/** Throws `invalid_argument` where the text is no cursor of ours: a list of a number and a text, or of a text. */
export function readCursor(cursor: string): readonly unknown[] {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (Array.isArray(place)) return place;
  } catch {
    // Told below.
  }
  throw badCursor();
}

export function badCursor(): ReliantError {
  return new ReliantError("invalid_argument", "list: the cursor is not one that was handed out; begin without one");
}

/** Rows of one page. Throws `invalid_argument` below 1; more than `LIMITS.pageSize` are not given. */
export function pageSize(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1) {
    throw new ReliantError("invalid_argument", `list: the limit is ${limit}, it must be a whole number from 1 on`);
  }
  return Math.min(limit, LIMITS.pageSize);
}

/**
 * As many rows at most, in words and not as a parameter: a plan that is made for any limit reads all rows of a long chat
 * and sorts them, one that knows the limit walks the index and stops. Limits come from few pages, so statements stay few.
 */
export function rowLimit(limit: number): RawBuilder<number> {
  return sql.lit(limit);
}
