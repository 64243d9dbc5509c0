/** A part of a text that is like what was looked for. Lines from 1. */
export interface NearMiss {
  readonly from: number;
  readonly lines: readonly string[];
  /** True where only blanks differ. */
  readonly blanksOnly: boolean;
}

/** Misses that are shown, and lines that are compared in detail: a long file is not searched for ever. */
const MAX_MISSES = 3;
const MAX_COMPARED_LINES = 50_000;
/** Share of equal pairs of letters from which two lines count as alike. */
const ALIKE = 0.5;

/** Where the text has something like `wanted`: the same lines but for blanks, else the places most alike. */
export function nearMisses(text: string, wanted: string): NearMiss[] {
  const lines = text.split("\n").slice(0, MAX_COMPARED_LINES);
  const sought = trimBlankLines(wanted.split("\n"));
  if (sought.length === 0) return [];
  const squeezed = lines.map(squeeze);
  const soughtSqueezed = sought.map(squeeze);
  const places: NearMiss[] = [];
  for (let at = 0; at + sought.length <= lines.length && places.length < MAX_MISSES; at++) {
    if (soughtSqueezed.every((line, index) => squeezed[at + index] === line)) {
      places.push({ from: at + 1, lines: lines.slice(at, at + sought.length), blanksOnly: true });
    }
  }
  return places.length > 0 ? places : mostAlike(lines, squeezed, soughtSqueezed);
}

function mostAlike(lines: readonly string[], squeezed: readonly string[], sought: readonly string[]): NearMiss[] {
  const anchor = sought.reduce((best, line) => (line.length > best.length ? line : best), "");
  const offset = sought.indexOf(anchor);
  const wanted = pairs(anchor);
  const scored = squeezed.map((line, index) => ({ index, score: likeness(wanted, line) }));
  const best = scored.filter(({ score }) => score >= ALIKE).sort((a, b) => b.score - a.score || a.index - b.index);
  return best
    .slice(0, MAX_MISSES)
    .map(({ index }) => {
      const from = Math.max(0, index - offset);
      return { from: from + 1, lines: lines.slice(from, from + sought.length), blanksOnly: false };
    })
    .sort((a, b) => a.from - b.from);
}

/** Dice's coefficient of the lines' pairs of letters, 0 to 1. */
function likeness(wanted: ReadonlyMap<string, number>, line: string): number {
  const found = pairs(line);
  let common = 0;
  let total = 0;
  for (const [pair, times] of wanted) {
    common += Math.min(times, found.get(pair) ?? 0);
    total += times;
  }
  for (const times of found.values()) total += times;
  return total === 0 ? 0 : (2 * common) / total;
}

function pairs(line: string): Map<string, number> {
  const counts = new Map<string, number>();
  const text = line.slice(0, 300);
  for (let at = 0; at + 1 < text.length; at++) {
    const pair = text.slice(at, at + 2);
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  return counts;
}

function squeeze(line: string): string {
  return line.replaceAll(/\s+/g, " ").trim();
}

function trimBlankLines(lines: readonly string[]): string[] {
  const from = lines.findIndex((line) => line.trim() !== "");
  const to = lines.findLastIndex((line) => line.trim() !== "");
  return from === -1 ? [] : lines.slice(from, to + 1);
}
