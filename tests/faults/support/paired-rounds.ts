import type { Random } from "../../../src/chaos/seeded-random.ts";

/** What was measured in a round without the thing, and in one with it, made right after each other. */
export interface Pair {
  readonly without: readonly number[];
  readonly with: readonly number[];
}

/** With the thing to without it: of all samples of all rounds, and between what it lies in 9 of 10 cases. */
export interface Ratio {
  readonly without: number;
  readonly with: number;
  readonly ratio: number;
  /** The true ratio is below it in 1 of 20 cases, and above `high` in 1 of 20. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 200;

/**
 * Makes so many pairs of rounds. Which of the two comes first changes from pair to pair, so that what goes on meanwhile (a
 * heap that grows, a machine that gets warm) is shared by both.
 */
export async function pairedRounds(
  count: number,
  round: (kind: keyof Pair, number: number) => Promise<readonly number[]>,
): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let number = 0; number < count; number++) {
    const order = number % 2 === 0 ? (["without", "with"] as const) : (["with", "without"] as const);
    const made = { without: [] as readonly number[], with: [] as readonly number[] };
    for (const kind of order) made[kind] = await round(kind, number);
    pairs.push(made);
  }
  return pairs;
}

/**
 * The ratio of the two quantiles of all samples, and its interval by drawing pairs again and again (a bootstrap by pairs:
 * samples of one round depend on each other, pairs hardly do).
 */
export function ratioOf(pairs: readonly Pair[], share: number, random: Random): Ratio {
  const whole = quantilesOf(pairs, share);
  const drawn = Array.from({ length: RESAMPLES }, () => {
    const again = pairs.map((pair) => pairs[Math.floor(random() * pairs.length)] ?? pair);
    const { without, with: withIt } = quantilesOf(again, share);
    return withIt / without;
  }).sort((a, b) => a - b);
  const drawnAt = (part: number) => drawn[Math.floor(part * RESAMPLES)] ?? Number.NaN;
  return { ...whole, ratio: whole.with / whole.without, low: drawnAt(0.05), high: drawnAt(0.95) };
}

/** For people. */
export function ratioText({ without, with: withIt, ratio, low, high }: Ratio): string {
  return `${without.toFixed(1)} ms without, ${withIt.toFixed(1)} ms with it, ${ratio.toFixed(2)} times (${low.toFixed(2)} to ${high.toFixed(2)} in 9 of 10 cases)`;
}

function quantilesOf(pairs: readonly Pair[], share: number) {
  return {
    without: sortedQuantile(
      pairs.map((pair) => pair.without),
      share,
    ),
    with: sortedQuantile(
      pairs.map((pair) => pair.with),
      share,
    ),
  };
}

/** Numbers in a typed array are sorted as numbers, and ten times as fast: it is done a thousand times. */
function sortedQuantile(rounds: readonly (readonly number[])[], share: number): number {
  const all = Float64Array.from(rounds.flat()).sort();
  return all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? Number.NaN;
}
