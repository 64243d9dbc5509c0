/** One number that a benchmark found, in its unit. */
export interface Figure {
  /** Stays the same from run to run: goals and comparisons go by it. */
  readonly id: string;
  readonly what: string;
  readonly value: number;
  /** Behind the number: `ms`, `MB` (a million bytes), `% of a core`, `×`, `/s`. */
  readonly unit: string;
  /** What the same costs at the least, without anything of ours around it, measured in the same run and in the same unit. */
  readonly raw?: { readonly what: string; readonly value: number } | undefined;
}

/** What a thing costs at the least, measured beside it in the same run. */
export interface RawPart {
  readonly what: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The longest: where it is as long as ours, the machine was at fault. */
  readonly mostMs?: number | undefined;
}

/** One cost at several sizes of what it depends on. */
export interface Growth {
  readonly id: string;
  readonly what: string;
  readonly unit: string;
  /** What the sizes count: `messages`, `streams`. */
  readonly of: string;
  /** `flat`: it should cost the same at each size; `linear`: in proportion at most. */
  readonly mayBe: "flat" | "linear";
  /** Of what is flat only from some size on: smaller ones are shown and not judged. `because`: for the reader. */
  readonly flatFrom?: { readonly size: number; readonly because: string } | undefined;
  /** By rising size. */
  readonly points: readonly { readonly size: number; readonly value: number }[];
}

/** One thing over the time of a steady load, judged: see soak-bounds.ts. */
export interface WatchedSeries {
  readonly what: string;
  readonly unit: string;
  /** Medians of the middle and the last third, and the rise between them by the hour. */
  readonly middle: number;
  readonly last: number;
  readonly perHour: number;
  /** What it may do, for people. */
  readonly may: string;
  /** It does what it may not. */
  readonly rises: boolean;
  readonly samples: readonly Sample[];
}

/** One look at something. */
export interface Sample {
  /** By a clock that only runs on. */
  readonly atMs: number;
  readonly value: number;
}

export interface PartReport {
  readonly figures: readonly Figure[];
  readonly rawParts?: readonly RawPart[];
  readonly growths?: readonly Growth[];
  /** What was watched under a steady load. */
  readonly watched?: readonly WatchedSeries[];
  /** What the part was there to see and did not, each a reason: it counts as not measured. */
  readonly lacks?: readonly string[];
  /** What a reader must know beside the numbers. */
  readonly notes?: readonly string[];
}

export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** Throws for no values: nothing was measured. */
export function spreadOf(values: readonly number[]): Spread {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99), most: quantile(values, 1) };
}

/** The smallest value that at least `share` (0 to 1) of them do not exceed. Throws for no values. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (found === undefined) throw new Error("take a quantile: nothing was measured");
  return found;
}

/** Throws for no values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Milliseconds that it took. */
export async function timeOf(act: () => unknown): Promise<number> {
  const startedMs = performance.now();
  await act();
  return performance.now() - startedMs;
}
