import { z } from "zod";
import type { JsonObject } from "../chat/json.ts";

/** What a tool's schema refuses, for the model: each fault with its place and what is expected there, then what fits. */
export function inputFaults(name: string, error: z.ZodError, schema: JsonObject): string {
  const faults = error.issues.map((issue) => `- ${placeOf(issue.path)}${issue.message}`);
  return [`The input does not fit ${name}:`, ...faults, `Its input: ${JSON.stringify(schema)}`].join("\n");
}

/** There is no such tool: which there are, the most alike first. */
export function unknownTool(name: string, known: readonly string[]): string {
  const near = known.toSorted((a, b) => distance(name, a) - distance(name, b) || (a < b ? -1 : 1))[0];
  const guess = near !== undefined && distance(name, near) <= near.length / 2 ? ` Do you mean ${near}?` : "";
  return `There is no tool ${JSON.stringify(name.slice(0, 100))}.${guess} There are: ${known.join(", ")}.`;
}

/** The schema as JSON Schema, without what no model needs. */
export function jsonSchemaOf(schema: z.ZodType): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input" });
  return JSON.parse(JSON.stringify(rest));
}

function placeOf(path: readonly PropertyKey[]): string {
  return path.length === 0 ? "" : `${path.map(String).join(".")}: `;
}

/** Levenshtein's distance; a part that is contained counts as near. */
function distance(one: string, other: string): number {
  const [a, b] = [one.toLowerCase().slice(0, 64), other.toLowerCase().slice(0, 64)];
  if (a !== "" && (a.includes(b) || b.includes(a))) return 1;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
