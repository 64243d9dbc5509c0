import type { Figure, Growth, RawPart, WatchedSeries } from "./figures.ts";
import { GOALS, isReached } from "./goals.ts";
import { exponentText, growsAsItMay, judgedGrowth } from "./growth.ts";
import type { MachineFacts, SavedRun } from "./report.ts";
import { shortNumber, textTable } from "./text-table.ts";

/** A run as people read it, ending with a line break. */
export function renderRun(run: SavedRun): string {
  const parts = [machineText(run.machine)];
  if (run.figures.length > 0) parts.push(figureTable(run.figures));
  if (run.rawParts.length > 0) parts.push(rawTable(run.rawParts));
  if (run.growths.length > 0) parts.push(growthTable(run.growths));
  if (run.watched.length > 0) parts.push(watchedTable(run.watched));
  if (run.notes.length > 0) parts.push(run.notes.map((note) => `- ${note}`).join("\n"));
  if (run.notMeasured.length > 0) {
    parts.push(run.notMeasured.map(({ part, reason }) => `not measured: ${part}: ${reason}`).join("\n"));
  }
  return `${parts.join("\n\n")}\n`;
}

/** The machine, and how busy it was with other things. */
export function machineText(machine: MachineFacts): string {
  const { cores, processor, memoryMb, platform, busyPercent, stolenPercent } = machine;
  const busy = busyPercent > 10 ? "; times are those of a busy machine" : "";
  return `${platform}, ${cores} cores (${processor}), ${Math.round(memoryMb)} MB; ${Math.round(busyPercent)} % busy before the start (${Math.round(stolenPercent)} % taken by the host)${busy}`;
}

/** What is missed, each to be understood alone: figures that do not reach their number, costs that grow faster than they may. */
export function missedOf(run: Pick<SavedRun, "figures" | "growths">): readonly string[] {
  return [
    ...run.figures
      .filter(({ id, value }) => isReached(id, value) === false)
      .map((figure) => `${figure.what}: ${measured(figure)} (${goalText(figure)})`),
    ...run.growths
      .filter((growth) => !growsAsItMay(growth))
      .map((growth) => `${growth.what}, by ${growth.of}: ${exponentText(growth)} (${growth.mayBe})`),
  ];
}

function figureTable(figures: readonly Figure[]): string {
  return textTable(
    ["what", "measured", "number to reach", "reached", "against the raw part"],
    figures.map((figure) => [figure.what, measured(figure), goalText(figure), reachedText(figure), rawText(figure)]),
  );
}

function measured({ value, unit }: Pick<Figure, "value" | "unit">): string {
  return `${shortNumber(value)} ${unit}`.trimEnd();
}

function goalText({ id, unit }: Figure): string {
  const goal = GOALS[id];
  if (goal === undefined) return "";
  return ("atMost" in goal ? `≤ ${goal.atMost} ${unit}` : `≥ ${goal.atLeast} ${unit}`).trimEnd();
}

function reachedText({ id, value }: Figure): string {
  const reached = isReached(id, value);
  if (reached === undefined) return "";
  return reached ? "yes" : "NO";
}

function rawText({ value, unit, raw }: Figure): string {
  if (raw === undefined) return "";
  const ratio = raw.value === 0 ? "" : `${shortNumber(value / raw.value)} × `;
  return `${ratio}(${raw.what}: ${measured({ value: raw.value, unit })})`;
}

function rawTable(parts: readonly RawPart[]): string {
  return textTable(
    ["raw part", "p50", "p99", "longest"],
    parts.map(({ what, ...times }) => [what, ms(times.p50Ms), ms(times.p99Ms), ms(times.mostMs)]),
  );
}

function ms(value: number | undefined): string {
  return value === undefined ? "" : `${shortNumber(value)} ms`;
}

function growthTable(growths: readonly Growth[]): string {
  return textTable(
    ["cost as work grows", "at", "grows with the power", "may be", "as it may"],
    growths.map((growth) => [
      growth.what,
      growth.points
        .map(({ size, value }) => `${size} ${growth.of}: ${measured({ value, unit: growth.unit })}`)
        .join(", "),
      exponentText(growth),
      growth.flatFrom === undefined
        ? growth.mayBe
        : `${growth.mayBe} from ${growth.flatFrom.size} on: ${growth.flatFrom.because}`,
      asItMayText(growth),
    ]),
  );
}

function watchedTable(watched: readonly WatchedSeries[]): string {
  return textTable(
    ["under steady load", "middle third", "last third", "rise in an hour", "may at most", "as it may"],
    watched.map(({ what, unit, middle, last, perHour, may, rises }) => [
      what,
      ...[middle, last, perHour].map((value) => measured({ value, unit })),
      may,
      rises ? "NO" : "yes",
    ]),
  );
}

function asItMayText(growth: Growth): string {
  const judged = judgedGrowth(growth);
  if (judged === undefined) return "not judged: fewer than three sizes";
  return judged.asItMay ? "yes" : "NO";
}
