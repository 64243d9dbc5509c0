import type { Role } from "./row.ts";
import { defaultText, textOf } from "./row-text.ts";
import { rowsOf } from "./settings-of.ts";

/** The role's settings as the README shows them. */
function renderMarkdown(role: Role): string {
  const rows = rowsOf(role).map(({ row }) => {
    const fallback = defaultText(row, role);
    const variable = row.env === undefined ? "" : `\`${row.env}\``;
    return `| \`${row.flag}\` | ${variable} | ${fallback === "" ? "" : code(fallback)} | ${cell(textOf(row))} |`;
  });
  return ["| Flag | Variable | Default | What it does |", "|---|---|---|---|", ...rows].join("\n");
}

/** Puts the role's table between `<!-- settings:ROLE -->` and `<!-- /settings -->`; `undefined` where the text has no such markers. */
export function withSettingsTable(markdown: string, role: Role): string | undefined {
  const opening = `<!-- settings:${role} -->`;
  const closing = "<!-- /settings -->";
  const start = markdown.indexOf(opening);
  const end = markdown.indexOf(closing, start);
  if (start < 0 || end < 0) return undefined;
  return `${markdown.slice(0, start + opening.length)}\n${renderMarkdown(role)}\n${markdown.slice(end)}`;
}

function code(text: string): string {
  return text === "required" || text.includes(" ") ? text : `\`${text}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
