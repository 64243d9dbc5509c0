import { messageOf, ReliantError } from "../core/errors.ts";
import { within } from "../core/within.ts";
import type { BenchPart, BenchWorld } from "./bench-part.ts";
import type { PartReport } from "./figures.ts";
import { PARTS } from "./parts.ts";

/** What came of the parts that were asked for. */
export interface PartsOutcome {
  readonly reports: readonly PartReport[];
  readonly notMeasured: readonly { readonly part: string; readonly reason: string }[];
}

/** The parts of these names; all that do not take long where there is none. Throws `usage` for a name that no part has. */
export function partsNamed(names: readonly string[]): readonly BenchPart[] {
  const unknown = names.filter((name) => PARTS.every((part) => part.name !== name));
  if (unknown.length > 0) {
    const lines = PARTS.map(({ name, says }) => `  ${name}: ${says}`).join("\n");
    throw new ReliantError("usage", `measure ${unknown.join(", ")}: there is no such part`, {
      hint: `Parts:\n${lines}`,
    });
  }
  return PARTS.filter(({ name, onlyNamed }) => (names.length === 0 ? onlyNamed !== true : names.includes(name)));
}

/**
 * Measures one part after the other. A part that fails is told, and the others go on; one that hangs ends the run, because
 * it is still at work and would be measured together with what comes next.
 */
export async function measureParts(parts: readonly BenchPart[], world: BenchWorld): Promise<PartsOutcome> {
  const reports: PartReport[] = [];
  const notMeasured: { part: string; reason: string }[] = [];
  for (const part of parts) {
    world.signal.throwIfAborted();
    const startedMs = performance.now();
    const hanging = new AbortController();
    const signal = AbortSignal.any([world.signal, hanging.signal]);
    const bound = { ms: part.boundMs(world), act: `measure ${part.name}`, clock: world.clock, signal: world.signal };
    let hangs = false;
    try {
      const report = await within(part.measure({ ...world, signal }), bound);
      reports.push(report);
      const missing = missingOf(part, report);
      if (missing.length > 0) notMeasured.push({ part: part.name, reason: `it gave no ${missing.join(", ")}` });
    } catch (error) {
      world.signal.throwIfAborted();
      hangs = performance.now() - startedMs >= bound.ms;
      hanging.abort(error);
      notMeasured.push({ part: part.name, reason: messageOf(error) });
    }
    world.tell(`${part.name}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
    if (hangs) break;
  }
  return { reports, notMeasured };
}

/** Figures that the part has promised and its report does not hold. */
function missingOf({ goals = [] }: BenchPart, { figures }: PartReport): readonly string[] {
  return goals.filter((id) => figures.every((figure) => figure.id !== id));
}
