import type { JsonValue } from "../chat/json.ts";

/** Fields in which providers put what kind of error it is: OpenAI and Anthropic `type` and `code`, Google `status` and a detail's `reason`. */
const FIELDS = new Set(["type", "code", "status", "reason"]);
/** An error's body is shallow: Google's `error.details[].reason` is the deepest. */
const DEPTH = 6;

/** The names of errors in a provider's error body. */
export function errorCodesIn(body: JsonValue | undefined, depth = 0): string[] {
  if (typeof body !== "object" || body === null || depth > DEPTH) return [];
  if (Array.isArray(body)) return body.flatMap((item) => errorCodesIn(item, depth + 1));
  return Object.entries(body).flatMap(([field, value]) =>
    typeof value === "string" ? (FIELDS.has(field) ? [value] : []) : errorCodesIn(value, depth + 1),
  );
}
