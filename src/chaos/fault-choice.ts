import { ReliantError } from "../core/errors.ts";
import { FAULTS, type Fault } from "./faults.ts";
import { type Random, shuffled } from "./seeded-random.ts";

/**
 * The rows that `--faults` names: each a name, or one with `*` for any text (`kill-*`). None: all rows. Throws `usage`
 * where one names no row.
 */
export function chosenFaults(patterns: readonly string[], table: readonly Fault[] = FAULTS): readonly Fault[] {
  if (patterns.length === 0) return table;
  const known = patterns.map((pattern) => ({ pattern, fits: fitting(pattern) }));
  const wrong = known.filter(({ fits }) => !table.some(({ name }) => fits(name)));
  if (wrong.length > 0) {
    throw new ReliantError("usage", `--faults: there is no fault ${wrong.map(({ pattern }) => pattern).join(", ")}`, {
      hint: `there are:\n${inColumns(table.map(({ name }) => name))}`,
    });
  }
  return table.filter(({ name }) => known.some(({ fits }) => fits(name)));
}

/** One rotation: each fault once, in an order that follows from the random row. */
export function rotation(faults: readonly Fault[], random: Random): readonly Fault[] {
  return shuffled(faults, random);
}

/** What a stack and a machine allow. */
export interface Means {
  /** False for a stack of the user's own: only a client's faults. */
  readonly wholeStack: boolean;
  /** Why there is no small disk, or no `prlimit`, or no proxy; undefined where there is one. */
  readonly noSmallDisk: string | undefined;
  readonly noPrlimit: string | undefined;
  readonly noProxies: string | undefined;
}

/** Why the fault cannot be made here; undefined where it can. */
export function notPossible(fault: Fault, means: Means): string | undefined {
  if (!means.wholeStack && !fault.byClient) return "only on a stack that chaos starts itself (--stack local)";
  if (fault.needs === "small disk") return means.noSmallDisk;
  if (fault.needs === "prlimit") return means.noPrlimit;
  return fault.act.kind === "link" ? means.noProxies : undefined;
}

/** Three to a line, for a terminal. */
function inColumns(names: readonly string[]): string {
  const width = Math.max(...names.map(({ length }) => length)) + 2;
  const lines = Array.from({ length: Math.ceil(names.length / 3) }, (_, line) => names.slice(line * 3, line * 3 + 3));
  return lines.map((line) => `    ${line.map((name) => name.padEnd(width)).join("")}`.trimEnd()).join("\n");
}

function fitting(pattern: string): (name: string) => boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[^A-Za-z0-9_-]/g, "\\$&"));
  const expression = new RegExp(`^${parts.join(".*")}$`, "u");
  return (name) => expression.test(name);
}
