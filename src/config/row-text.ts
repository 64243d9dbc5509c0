import { durationText } from "./parse-value.ts";
import type { Kind, Row, Scope } from "./row.ts";

/** The flag with a word for its value: `--api-port=PORT`; a boolean stands alone. */
export function flagWithHint(row: Row): string {
  const hint = valueHint(row.kind);
  return hint === "" ? row.flag : `${row.flag}=${hint}`;
}

function valueHint(kind: Kind): string {
  switch (kind.name) {
    case "boolean":
      return "";
    case "port":
      return "PORT";
    case "integer":
      return "N";
    case "duration":
      return "TIME";
    case "path":
      return kind.of === "file" ? "FILE" : "FOLDER";
    case "file":
      return "FILE";
    case "url":
    case "secretUrl":
      return "URL";
    case "list":
      return "LIST";
    case "pem":
      return "PEM";
    case "enum":
      return "CHOICE";
    case "secret":
      return "SECRET";
    case "string":
      return "TEXT";
  }
}

/** The row's sentence, with the choices where it has some. */
export function textOf(row: Row): string {
  return row.kind.name === "enum" ? `${row.text}: ${row.kind.choices.join(", ")}` : row.text;
}

/** The default as a reader sees it: `8080`, `required`, or nothing where the setting may be left out. */
export function defaultText(row: Row, scope: Scope): string {
  const fallback = row.scopes[scope];
  if (fallback === undefined) return "";
  if (typeof fallback === "object" && "kind" in fallback) {
    if (fallback.kind === "userFolder") return `${fallback.name} in the user's data folder`;
    return fallback.kind === "required" ? "required" : "";
  }
  if (row.kind.name === "duration" && typeof fallback === "number") return durationText(fallback);
  return Array.isArray(fallback) ? fallback.join(",") : String(fallback);
}
