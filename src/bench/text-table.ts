/** Rows under a head, in columns as wide as they need, with a rule between. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ");
  const rule = widths.map((width) => "-".repeat(width)).join("-|-");
  return [line(head), rule, ...rows.map(line)].map((text) => text.trimEnd()).join("\n");
}

/** Three digits that count. */
export function shortNumber(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
