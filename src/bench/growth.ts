import type { Growth } from "./figures.ts";

/** A measured exponent may be off by this much: times of one machine differ from run to run. */
const LINEAR_SLACK = 0.15;
const FLAT_SLACK = 0.1;

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

/**
 * The power that a growth is judged by. Of what should stay, the larger of two: between the two largest sizes, and from the
 * smallest of those that count (`flatFrom`) to the largest.
 */
export function judgedExponent({ points, mayBe, flatFrom }: Growth): number | undefined {
  if (mayBe === "linear") return exponentOf(points);
  const counted = points.filter(({ size }) => size >= (flatFrom?.size ?? 0));
  const [first, last] = [counted.at(0), counted.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const [over, late] = [flatExponent([first, last]), flatExponent(counted.slice(-2))];
  return over === undefined || late === undefined ? undefined : Math.max(over, late);
}

/** What should stay and comes from nothing has grown, however little it is. */
function flatExponent(points: Points): number | undefined {
  const [first, last] = points;
  if (first !== undefined && last !== undefined && first.value <= 0 && last.value > 0) return Number.POSITIVE_INFINITY;
  return exponentOf(points);
}

/** True where the cost grows no faster than it may. One that was measured at one size only is not held against it. */
export function growsAsItMay(growth: Growth): boolean {
  const exponent = judgedExponent(growth);
  if (exponent === undefined) return true;
  return exponent <= (growth.mayBe === "flat" ? FLAT_SLACK : 1 + LINEAR_SLACK);
}
