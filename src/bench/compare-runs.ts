import { machineText } from "./render-report.ts";
import type { MachineFacts, SavedRun } from "./report.ts";
import { shortNumber, textTable } from "./text-table.ts";

/** Two runs beside each other, figure by figure, with the change in percent; and whether they may be compared at all. */
export function renderComparison(before: SavedRun, after: SavedRun): string {
  const old = new Map(before.figures.map((figure) => [figure.id, figure]));
  const fresh = new Map(after.figures.map((figure) => [figure.id, figure]));
  const ids = [...new Set([...old.keys(), ...fresh.keys()])];
  const rows = ids.map((id) => {
    const [was, is] = [old.get(id), fresh.get(id)];
    const cell = (figure: typeof was) => (figure === undefined ? "" : `${shortNumber(figure.value)} ${figure.unit}`);
    return [is?.what ?? was?.what ?? id, cell(was), cell(is), changeText(was?.value, is?.value)];
  });
  const lines = [
    `before: version ${before.version}, ${machineText(before.machine)}`,
    `now:    version ${after.version}, ${machineText(after.machine)}`,
    ...differences(before.machine, after.machine),
  ];
  return `${lines.join("\n")}\n\n${textTable(["what", "before", "now", "change"], rows)}\n`;
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
