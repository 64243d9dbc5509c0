import type { JsonObject, JsonValue } from "../chat/json.ts";

/**
 * What a vendor hands over, as JSON: what JSON cannot say is left out of objects and becomes null in arrays. Half
 * characters (lone surrogates, which `\\u` escapes can make) become U+FFFD: providers refuse every later request of a
 * chat that repeats one to them.
 */
export function jsonOf(value: unknown): JsonValue | undefined {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") return value.toWellFormed();
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map((item) => jsonOf(item) ?? null);
  if (typeof value !== "object") return undefined;
  // By `fromEntries`, for which `__proto__` is a key like any other.
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => {
      const json = jsonOf(item);
      return json === undefined ? [] : [[key.toWellFormed(), json]];
    }),
  );
}

/** The text as JSON, or the text itself where it is none. Nothing at all counts as an empty object. */
export function jsonOrText(text: string): JsonValue {
  if (text.trim() === "") return {};
  try {
    return jsonOf(JSON.parse(text)) ?? text;
  } catch {
    return text.toWellFormed();
  }
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
