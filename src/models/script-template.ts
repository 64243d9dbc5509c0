import type { JsonValue } from "../chat/json.ts";
import { isJsonObject } from "./json-border.ts";

const PLACE = /(\\?)\{\{\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}/g;

/** Puts values in the place of `{{name}}`. `\{{name}}` stays, without the backslash. */
export function fillText(text: string, value: (name: string) => string): string {
  return text.replaceAll(PLACE, (place, backslash: string, name: string) =>
    backslash === "" ? value(name) : place.slice(1),
  );
}

/** The same in all texts of the JSON, keys excepted. */
export function fillJson(json: JsonValue, value: (name: string) => string): JsonValue {
  if (typeof json === "string") return fillText(json, value);
  if (Array.isArray(json)) return json.map((item: JsonValue) => fillJson(item, value));
  if (!isJsonObject(json)) return json;
  return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, fillJson(item, value)]));
}

/** The names that the JSON's texts ask for. */
export function namesIn(json: JsonValue): string[] {
  const names: string[] = [];
  fillJson(json, (name) => {
    names.push(name);
    return "";
  });
  return names;
}
