import { ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Sample, WatchedSeries } from "./figures.ts";
import { LEAST_SAMPLES, slopeOf } from "./slope.ts";

/** How a thing may be under steady load: without a slope, or never above something. */
type SoakBound =
  | { readonly kind: "no slope"; readonly perHour: number; readonly noise: number }
  | { readonly kind: "at most"; readonly most: number };

/** What must not rise. Noise is what a steady process shows between two looks. */
const BOUNDS = {
  memory: { kind: "no slope", perHour: 24, noise: 6 },
  handles: { kind: "no slope", perHour: 12, noise: 4 },
  children: { kind: "no slope", perHour: 6, noise: 2 },
  sessions: { kind: "no slope", perHour: 6, noise: 2 },
  workflows: { kind: "no slope", perHour: 12, noise: 4 },
  queue: { kind: "no slope", perHour: 60, noise: 30 },
  writes: { kind: "no slope", perHour: 3, noise: 1 },
  // It continues as a new one between two steps: the events of one step may stand above the bound.
  history: { kind: "at most", most: LIMITS.historyEvents + 200 },
} as const satisfies Record<string, SoakBound>;
export type SoakWatched = keyof typeof BOUNDS;

/** A heap finds its size after minutes of load, whatever warmed it up. A shorter soak tells only of leaks beyond this. */
const HEAP_SETTLES_MS = 10 * 60_000;
const UNSETTLED_NOISE_MB = 32;

export interface SoakSeries {
  readonly what: string;
  readonly unit: string;
  readonly watched: SoakWatched;
  readonly samples: readonly Sample[];
}

/** Throws `failed_precondition` for a series that was hardly looked at. */
export function judgeSeries({ what, unit, watched, samples }: SoakSeries, durationMs: number): WatchedSeries {
  const bound: SoakBound = BOUNDS[watched];
  const named = { what, unit, samples };
  if (samples.length < LEAST_SAMPLES) {
    throw new ReliantError(
      "failed_precondition",
      `watch ${what}: ${samples.length} samples, it takes ${LEAST_SAMPLES}: let it run for longer`,
    );
  }
  switch (bound.kind) {
    case "no slope": {
      const noise = watched === "memory" && durationMs < HEAP_SETTLES_MS ? UNSETTLED_NOISE_MB : bound.noise;
      const may = `rise by ${noise} ${unit}`.trimEnd();
      return { ...named, may, ...slopeOf(samples, { perHour: bound.perHour, noise }) };
    }
    case "at most": {
      const slope = slopeOf(samples, { perHour: Number.POSITIVE_INFINITY, noise: Number.POSITIVE_INFINITY });
      const rises = samples.some(({ value }) => value > bound.most);
      return { ...named, may: `be ${bound.most} ${unit}`, ...slope, rises };
    }
  }
}
