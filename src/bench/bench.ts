import { messageOf, ReliantError } from "../core/errors.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
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

/** Why the parts are not measured that the user did not wait for. */
export const ENDED_BY_USER = "the bench was ended before";

/**
 * Measures one part after the other, until the signal. A part that fails is told, and the others go on; one that hangs ends
 * the run, because it is still at work and would be measured together with what comes next. Of a run that was ended, what
 * was measured is given.
 */
export async function measureParts(parts: readonly BenchPart[], world: BenchWorld): Promise<PartsOutcome> {
  const reports: PartReport[] = [];
  const notMeasured: { part: string; reason: string }[] = [];
  for (const part of parts) {
    if (world.signal.aborted) {
      notMeasured.push({ part: part.name, reason: ENDED_BY_USER });
      continue;
    }
    world.tell(`${part.name}: ${part.says}`);
    const startedMs = performance.now();
    const boundMs = part.boundMs(world);
    let hangs = false;
    try {
      const report = await measured(part, world, boundMs);
      reports.push(report);
      const missing = missingOf(part, report).map((id) => `it gave no ${id}`);
      const reason = [...missing, ...(report.lacks ?? [])].join("; ");
      if (reason !== "") notMeasured.push({ part: part.name, reason });
    } catch (error) {
      hangs = performance.now() - startedMs >= boundMs;
      notMeasured.push({ part: part.name, reason: world.signal.aborted ? ENDED_BY_USER : messageOf(error) });
    }
    world.tell(`${part.name}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
    if (hangs) break;
  }
  return { reports, notMeasured };
}

/** The part within its bound; once the bench is ended, it has some time to stop what it has started and to give what it has. */
async function measured(part: BenchPart, world: BenchWorld, boundMs: number): Promise<PartReport> {
  const { clock } = world;
  const [hanging, overdue] = [new AbortController(), new AbortController()];
  let stopWaiting: () => void = () => undefined;
  const onEnd = () => {
    stopWaiting = clock.after(TRIAL_LIMITS.benchEndMs, () => overdue.abort(world.signal.reason));
  };
  world.signal.addEventListener("abort", onEnd, { once: true });
  const signal = AbortSignal.any([world.signal, hanging.signal]);
  const bound = { ms: boundMs, act: `measure ${part.name}`, clock, signal: overdue.signal };
  try {
    return await within(part.measure({ ...world, signal }), bound);
  } catch (error) {
    hanging.abort(error);
    throw error;
  } finally {
    world.signal.removeEventListener("abort", onEnd);
    stopWaiting();
  }
}

/** Figures that the part has promised and its report does not hold. */
function missingOf({ goals = [] }: BenchPart, { figures }: PartReport): readonly string[] {
  return goals.filter((id) => figures.every((figure) => figure.id !== id));
}
