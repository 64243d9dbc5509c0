import { assert } from "../core/errors.ts";
import { median, type Sample } from "./figures.ts";

/** One thing that is watched in a soak, and how it may rise. */
export interface SlopeBound {
  /** Rise in an hour that is taken for no rise. In the unit of the samples. */
  readonly perHour: number;
  /** A rise between the medians that is smaller than this is noise, however short the soak. */
  readonly noise: number;
}

export interface Slope {
  /** Medians of the middle and the last third. */
  readonly middle: number;
  readonly last: number;
  readonly perHour: number;
  readonly rises: boolean;
}

const HOUR_MS = 3_600_000;
/** Two in each third. */
export const LEAST_SAMPLES = 6;

/**
 * Whether something grows under steady load: the medians of the middle and the last third are compared, so that the
 * warm-up (the first third) and single peaks say nothing. There must be {@link LEAST_SAMPLES}: what was hardly
 * looked at must not pass.
 */
export function slopeOf(samples: readonly Sample[], bound: SlopeBound): Slope {
  assert(samples.length >= LEAST_SAMPLES, `a slope takes ${LEAST_SAMPLES} samples`);
  const third = Math.floor(samples.length / 3);
  const middleThird = samples.slice(third, 2 * third);
  const lastThird = samples.slice(-third);
  const [middle, last] = [medianValue(middleThird), medianValue(lastThird)];
  const betweenMs = medianTime(lastThird) - medianTime(middleThird);
  const perHour = betweenMs <= 0 ? 0 : ((last - middle) * HOUR_MS) / betweenMs;
  return { middle, last, perHour, rises: last - middle > bound.noise && perHour > bound.perHour };
}

function medianValue(samples: readonly Sample[]): number {
  return median(samples.map(({ value }) => value));
}

function medianTime(samples: readonly Sample[]): number {
  return median(samples.map(({ atMs }) => atMs));
}
