import { z } from "zod";
import { ERROR_TABLE } from "../core/errors.ts";
import type { Figure, PartReport } from "./figures.ts";
import { GOALS, isReached } from "./goals.ts";

const FIGURE = z.object({
  id: z.string(),
  what: z.string(),
  value: z.number(),
  unit: z.string(),
  raw: z.object({ what: z.string(), value: z.number() }).optional(),
  /** The number to reach when the run was saved, and whether it was; runs of earlier versions do not say. */
  goal: z.union([z.object({ atMost: z.number() }), z.object({ atLeast: z.number() })]).optional(),
  reached: z.boolean().optional(),
});
const GROWTH = z.object({
  id: z.string(),
  what: z.string(),
  unit: z.string(),
  of: z.string(),
  mayBe: z.enum(["flat", "linear"]),
  flatFrom: z.object({ size: z.number(), because: z.string() }).optional(),
  points: z.array(z.object({ size: z.number(), value: z.number() })),
});
const WATCHED = z.object({
  what: z.string(),
  unit: z.string(),
  middle: z.number(),
  last: z.number(),
  perHour: z.number(),
  may: z.string(),
  rises: z.boolean(),
  samples: z.array(z.object({ atMs: z.number(), value: z.number() })),
});
const MACHINE = z.object({
  cores: z.int(),
  processor: z.string(),
  memoryMb: z.number(),
  platform: z.string(),
  /** Of all cores, before anything was started: percent. */
  busyPercent: z.number(),
  stolenPercent: z.number(),
});
export type MachineFacts = z.infer<typeof MACHINE>;

/** A run as `--json` saves it and `--compare` reads it. A later version may add fields. */
export const SAVED_RUN = z.object({
  version: z.string(),
  atMs: z.number(),
  machine: MACHINE,
  figures: z.array(FIGURE),
  rawParts: z.array(
    z.object({ what: z.string(), p50Ms: z.number(), p99Ms: z.number(), mostMs: z.number().optional() }),
  ),
  growths: z.array(GROWTH),
  watched: z.array(WATCHED).default([]),
  notes: z.array(z.string()),
  /** Parts that could not be measured, with the reason. */
  notMeasured: z.array(z.object({ part: z.string(), reason: z.string() })),
});
export type SavedRun = z.infer<typeof SAVED_RUN>;

/** The parts' reports as one. */
export function mergeReports(
  reports: readonly PartReport[],
): Pick<SavedRun, "figures" | "rawParts" | "growths" | "watched" | "notes"> {
  return {
    figures: reports.flatMap(({ figures }) => figures.map(withGoal)),
    rawParts: reports.flatMap(({ rawParts = [] }) => rawParts.map((part) => ({ ...part }))),
    growths: reports.flatMap(({ growths = [] }) =>
      growths.map((growth) => ({ ...growth, points: [...growth.points] })),
    ),
    watched: reports.flatMap(({ watched = [] }) => watched.map((each) => ({ ...each, samples: [...each.samples] }))),
    notes: reports.flatMap(({ notes = [] }) => notes),
  };
}

function withGoal(figure: Figure): z.infer<typeof FIGURE> {
  const goal = GOALS[figure.id];
  if (goal === undefined) return { ...figure };
  return { ...figure, goal, reached: isReached(figure.id, figure.value) };
}

/** 0: all was measured and nothing rose; 1: something was not measured, or rose; 130: the user has ended it before that. */
export function exitCodeOf(
  { notMeasured, watched }: Pick<SavedRun, "notMeasured" | "watched">,
  ended: boolean,
): number {
  if (ended) return ERROR_TABLE.cancelled.exitCode;
  return notMeasured.length === 0 && watched.every(({ rises }) => !rises) ? 0 : ERROR_TABLE.internal.exitCode;
}
