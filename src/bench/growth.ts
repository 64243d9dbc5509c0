import type { Growth } from "./figures.ts";

/** A measured exponent may be off by this much: times of one machine differ from run to run. */
const LINEAR_SLACK = 0.15;
const FLAT_SLACK = 0.1;

/**
 * The power of the size with which a cost grows, by least squares over the logarithms: 0 not at all, 1 in proportion.
 * Undefined for fewer than two sizes, or where a cost is nothing at all at one of them.
 */
function exponentOf(points: Growth["points"]): number | undefined {
  if (points.length < 2 || points.some(({ size, value }) => size <= 0 || value <= 0)) return undefined;
  const xs = points.map(({ size }) => Math.log(size));
  const ys = points.map(({ value }) => Math.log(value));
  const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;
  const [x0, y0] = [mean(xs), mean(ys)];
  const spread = xs.reduce((sum, x) => sum + (x - x0) ** 2, 0);
  if (spread === 0) return undefined;
  return xs.reduce((sum, x, index) => sum + (x - x0) * ((ys[index] ?? y0) - y0), 0) / spread;
}

/** The power that a growth is judged by. Of what should stay, between the two largest sizes: a first page fills up before. */
export function judgedExponent({ points, mayBe }: Growth): number | undefined {
  return exponentOf(mayBe === "flat" ? points.slice(-2) : points);
}

/** True where the cost grows no faster than it may. One that cannot be told is not held against it. */
export function growsAsItMay(growth: Growth): boolean {
  const exponent = judgedExponent(growth);
  if (exponent === undefined) return true;
  return exponent <= (growth.mayBe === "flat" ? FLAT_SLACK : 1 + LINEAR_SLACK);
}
