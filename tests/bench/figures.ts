/** One number that a benchmark found, in its unit. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  /** Behind the number: `ms`, `MB` (a million bytes), `% of a core`, `×`, `/s`. */
  readonly unit: string;
  /** The number to reach: at most this. Undefined: for information. */
  readonly atMost?: number;
}

/** What a thing costs at the least, measured beside it in the same run. */
export interface RawPart {
  readonly what: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface PartReport {
  readonly figures: readonly Figure[];
  readonly rawParts?: readonly RawPart[];
}

export interface Spread {
  readonly p50: number;
  readonly p99: number;
}

/** Throws for no values: nothing was measured. */
export function spreadOf(values: readonly number[]): Spread {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99) };
}

/** The smallest value that at least `share` (0 to 1) of them do not exceed. Throws for no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (found === undefined) throw new Error("take a quantile: nothing was measured");
  return found;
}

/** Milliseconds that it took. */
export async function timeOf(act: () => unknown): Promise<number> {
  const startedMs = performance.now();
  await act();
  return performance.now() - startedMs;
}

/** What was found, as people read it. */
export function renderReport({ figures, rawParts = [] }: PartReport): string {
  const rows = figures.map((figure) => [figure.what, measured(figure), goalOf(figure), reachedText(figure)]);
  const parts = rawParts.map(({ what, p50Ms, p99Ms }) => [what, `${short(p50Ms)} ms`, `${short(p99Ms)} ms`]);
  const tables = [table(["what", "measured", "number to reach", "reached"], rows)];
  if (parts.length > 0) tables.push(table(["raw part", "p50", "p99"], parts));
  return `${tables.join("\n\n")}\n`;
}

/** Undefined where there is no number to reach. */
export function isReached({ value, atMost }: Figure): boolean | undefined {
  return atMost === undefined ? undefined : value <= atMost;
}

function measured({ value, unit }: Figure): string {
  return `${short(value)} ${unit}`;
}

function goalOf({ atMost, unit }: Figure): string {
  return atMost === undefined ? "" : `≤ ${atMost} ${unit}`;
}

function reachedText(figure: Figure): string {
  const reached = isReached(figure);
  if (reached === undefined) return "";
  return reached ? "yes" : "NO";
}

/** Three digits that count. */
function short(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ");
  const rule = widths.map((width) => "-".repeat(width)).join("-|-");
  return [line(head), rule, ...rows.map(line)].map((text) => text.trimEnd()).join("\n");
}
