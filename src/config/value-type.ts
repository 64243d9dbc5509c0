import { unreachable } from "../core/errors.ts";
import type { Kind } from "./row.ts";
import { Secret } from "./secret.ts";

/** True where the value has the type that settings of this kind have: the run-time half of `ValueOf`. */
export function hasTypeOf(kind: Kind, value: unknown): boolean {
  switch (kind.name) {
    case "port":
    case "integer":
    case "duration":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
    case "list":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    case "secret":
    case "secretUrl":
      return value instanceof Secret;
    case "enum":
      return typeof value === "string" && kind.choices.includes(value);
    case "string":
    case "path":
    case "file":
    case "pem":
    case "url":
      return typeof value === "string";
    default:
      return unreachable(kind);
  }
}
