import type { Growth } from "./figures.ts";

/** A measured exponent may be off by this much: times of one machine differ from run to run. */
const LINEAR_SLACK = 0.15;
const FLAT_SLACK = 0.1;
/**
 * Two sizes alone tell little of what is measured (times, memory, processor): between the last two of what may grow in
 * proportion the exponent may be off by this much more. What is counted has no such room.
 */
const LATE_NOISE = 0.15;
const COUNTED_UNITS: readonly string[] = ["", "rows", "bytes"];
/** A line through two points says nothing of its bend. */
const LEAST_SIZES = 3;

type Points = Growth["points"];

/**
 * The power of the size with which a cost grows, by least squares over the logarithms: 0 not at all, 1 in proportion. What
 * is nothing at a small size and something at a larger one has no logarithm there: it is judged by where it is something,
 * and where that is one size only, it grows beyond any power. Undefined for fewer than two different sizes.
 */
function exponentOf(points: Points): number | undefined {
  const first = points[0]?.size;
  if (first === undefined || points.every(({ size }) => size === first)) return undefined;
  const something = points.filter(({ value }) => value > 0);
  if (something.length === 0) return 0;
  if (something.length === 1) return something[0] === points[0] ? 0 : Number.POSITIVE_INFINITY;
  const xs = something.map(({ size }) => Math.log(size));
  const ys = something.map(({ value }) => Math.log(value));
  const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;
  const [x0, y0] = [mean(xs), mean(ys)];
  const spread = xs.reduce((sum, x) => sum + (x - x0) ** 2, 0);
  return xs.reduce((sum, x, index) => sum + (x - x0) * ((ys[index] ?? y0) - y0), 0) / spread;
}

/** With which powers of the size a cost grows, and whether it may. */
export interface JudgedGrowth {
  /** Over all sizes that count. */
  readonly over: number;
  /** Between the two largest: a bend that begins late shows here first. */
  readonly late: number;
  readonly asItMay: boolean;
}

/**
 * Judges a growth by the larger of both powers. Of what should stay, `over` goes from the smallest size that counts
 * (`flatFrom`) to the largest. Undefined for fewer than three different sizes: not judged.
 */
export function judgedGrowth({ points, mayBe, flatFrom, unit }: Growth): JudgedGrowth | undefined {
  if (new Set(points.map(({ size }) => size)).size < LEAST_SIZES) return undefined;
  if (mayBe === "linear") {
    const [over, late] = [exponentOf(points), exponentOf(points.slice(-2))];
    if (over === undefined || late === undefined) return undefined;
    const noise = COUNTED_UNITS.includes(unit) ? 0 : LATE_NOISE;
    return { over, late, asItMay: Math.max(over, late - noise) <= 1 + LINEAR_SLACK };
  }
  const counted = points.filter(({ size }) => size >= (flatFrom?.size ?? 0));
  const [first, last] = [counted.at(0), counted.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const [over, late] = [flatExponent([first, last]), flatExponent(counted.slice(-2))];
  if (over === undefined || late === undefined) return undefined;
  return { over, late, asItMay: Math.max(over, late) <= FLAT_SLACK };
}

/** What should stay and comes from nothing has grown, however little it is. */
function flatExponent(points: Points): number | undefined {
  const [first, last] = points;
  if (first !== undefined && last !== undefined && first.value <= 0 && last.value > 0) return Number.POSITIVE_INFINITY;
  return exponentOf(points);
}

/** False for a cost that grows faster than it may. One that is not judged is not held against it. */
export function growsAsItMay(growth: Growth): boolean {
  return judgedGrowth(growth)?.asItMay ?? true;
}

/** Both powers, for people: `1.02; last two 1.30`. */
export function exponentText(growth: Growth): string {
  const judged = judgedGrowth(growth);
  return judged === undefined ? "" : `${judged.over.toFixed(2)}; last two ${judged.late.toFixed(2)}`;
}
