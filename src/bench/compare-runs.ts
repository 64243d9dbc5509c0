import type { Figure } from "./figures.ts";
import { exponentText } from "./growth.ts";
import { machineText } from "./render-report.ts";
import type { MachineFacts, SavedRun } from "./report.ts";
import { shortNumber, textTable } from "./text-table.ts";

/** Two runs beside each other, figure by figure, with the change in percent; and whether they may be compared at all. */
export function renderComparison(before: SavedRun, after: SavedRun): string {
  const rows = pairsOf(before.figures, after.figures).map(({ was, is, what }) => [
    ...[what, valueText(was), valueText(is), changeText(was?.value, is?.value)],
    // The machine's own pace is in both: where times differ and ratios do not, it was the machine.
    ...ratios(was, is),
  ]);
  const grown = pairsOf(before.growths, after.growths).map(({ was, is, what }) => [
    ...[what, was === undefined ? "" : exponentText(was), is === undefined ? "" : exponentText(is)],
  ]);
  const tables = [
    textTable(["what", "before", "now", "change", "against the raw part before", "and now"], rows),
    ...(grown.length === 0 ? [] : [textTable(["cost as work grows, with the power", "before", "now"], grown)]),
  ];
  const lines = [
    `before: version ${before.version}, ${machineText(before.machine)}`,
    `now:    version ${after.version}, ${machineText(after.machine)}`,
    ...differences(before.machine, after.machine),
  ];
  return `${lines.join("\n")}\n\n${tables.join("\n\n")}\n`;
}

interface Pair<Row> {
  readonly what: string;
  readonly was: Row | undefined;
  readonly is: Row | undefined;
}

/** By their ids, those of the run before first. */
function pairsOf<Row extends { readonly id: string; readonly what: string }>(
  before: readonly Row[],
  after: readonly Row[],
): Pair<Row>[] {
  const [old, fresh] = [before, after].map((rows) => new Map(rows.map((row) => [row.id, row])));
  const ids = [...new Set([...before, ...after].map(({ id }) => id))];
  return ids.map((id) => {
    const [was, is] = [old?.get(id), fresh?.get(id)];
    return { was, is, what: is?.what ?? was?.what ?? id };
  });
}

function valueText(figure: Figure | undefined): string {
  return figure === undefined ? "" : `${shortNumber(figure.value)} ${figure.unit}`.trimEnd();
}

/** Only where both runs have a raw part: one alone compares with nothing. */
function ratios(was: Figure | undefined, is: Figure | undefined): string[] {
  if (!was?.raw?.value || !is?.raw?.value) return [];
  return [was.value / was.raw.value, is.value / is.raw.value].map((ratio) => `${shortNumber(ratio)} ×`);
}

function changeText(before: number | undefined, after: number | undefined): string {
  if (before === undefined) return "new";
  if (after === undefined) return "not measured";
  if (before === 0) return after === 0 ? "0 %" : "from nothing";
  const percent = (100 * (after - before)) / before;
  return `${percent > 0 ? "+" : ""}${Math.abs(percent) < 0.05 ? "0" : percent.toFixed(1)} %`;
}

/** Why times and sizes of the two runs say little beside each other. */
function differences(before: MachineFacts, after: MachineFacts): string[] {
  const names = (["platform", "processor", "cores"] as const).filter((name) => before[name] !== after[name]);
  const machines = names.length > 0 ? [`the machines differ (${names.join(", ")}): only ratios may be compared`] : [];
  const busy =
    Math.abs(before.busyPercent - after.busyPercent) > 10
      ? ["one of the runs had a busier machine: times may differ for that alone"]
      : [];
  return [...machines, ...busy];
}
