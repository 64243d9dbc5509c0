import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The file that tools append a line to as they start, outside the ledger. */
export const COUNTER = "counter";

/** How often each mark stands in a file of the daemon's project; no file: nothing ran. */
export async function countsIn(root: string, file: string = COUNTER): Promise<ReadonlyMap<string, number>> {
  const text = await readFile(join(root, file), "utf8").catch(() => "");
  const counts = new Map<string, number>();
  for (const mark of text.split("\n").filter((line) => line !== "")) counts.set(mark, (counts.get(mark) ?? 0) + 1);
  return counts;
}

/** Prints the figures of a claim in one line. */
export function measured(claim: string, figures: string): void {
  process.stdout.write(`measured: ${claim}: ${figures}\n`);
}
