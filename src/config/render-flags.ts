import type { Scope } from "./row.ts";
import { defaultText, flagWithHint, textOf } from "./row-text.ts";
import { rowsOf } from "./settings-of.ts";

const FLAG_COLUMN = 36;
const WIDTH = 110;

/** The flags of a scope for a terminal, one a paragraph: `--api-port=PORT   HTTP API listen port [API_PORT] (default 8080)`. */
export function renderFlags(scope: Scope): string {
  return rowsOf(scope)
    .map(({ row }) => {
      const fallback = defaultText(row, scope);
      const notes = row.env === undefined ? [] : [`[${row.env}]`];
      if (fallback !== "") notes.push(fallback === "required" ? "(required)" : `(default ${fallback})`);
      return definition(flagWithHint(row), [...textOf(row).split(" "), ...notes], FLAG_COLUMN);
    })
    .join("\n");
}

/** A term and its explanation in two columns. The explanation's pieces are words, or groups of words that stay on one line. */
export function definition(term: string, pieces: readonly string[], column: number): string {
  const lines = wrap(pieces, WIDTH - column);
  const indent = " ".repeat(column);
  const first = `  ${term}`.padEnd(column);
  const head = first.length > column ? [first, `${indent}${lines[0] ?? ""}`] : [`${first}${lines[0] ?? ""}`];
  return [...head, ...lines.slice(1).map((line) => `${indent}${line}`)].join("\n");
}

function wrap(pieces: readonly string[], width: number): readonly string[] {
  const lines: string[] = [];
  for (const piece of pieces) {
    const last = lines.at(-1);
    if (last === undefined || last.length + piece.length >= width) lines.push(piece);
    else lines[lines.length - 1] = `${last} ${piece}`;
  }
  return lines;
}
