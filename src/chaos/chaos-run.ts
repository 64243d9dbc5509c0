import type { Clock } from "../core/clock.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { type Counts, readCounts } from "./counter-file.ts";
import { Crowd } from "./crowd.ts";
import type { DaemonLoss, Trouble } from "./facts.ts";
import { type FaultRow, headLine, rowLine } from "./fault-report.ts";
import { checkScript } from "./hello.ts";
import { type RotationPlan, rotate } from "./rotate.ts";
import { seededRandom } from "./seeded-random.ts";
import type { Target } from "./target.ts";
import { judge, type Verdict } from "./verdict.ts";

export interface ChaosPlan extends Omit<RotationPlan, "untilMs"> {
  /** After this no fault begins, counted from when the first one may; undefined: `rounds` says when to end. */
  readonly durationMs: number | undefined;
  readonly seed: number;
  readonly chats: number;
}

export interface ChaosOutcome {
  readonly rows: readonly FaultRow[];
  readonly verdict: Verdict;
  /** Faults of the rotations that were to be made, and those that were: each once, where the time alone ends them. */
  readonly asked: number;
  readonly made: number;
  /** True where a person ended it. */
  readonly interrupted: boolean;
}

/**
 * Chats, faults and the judgement, on a stack that stands. Prints a line a fault as it goes. When the signal aborts, what
 * was broken is brought back, the chats come to rest, and what is known is judged.
 */
export async function runChaos(
  plan: ChaosPlan,
  deps: { readonly target: Target; readonly clock: Clock; readonly print: (line: string) => Promise<void> },
  signal: AbortSignal,
): Promise<ChaosOutcome> {
  const { target, clock, print } = deps;
  await checkScript(target, clock, signal);
  const startedAtMs = clock.now();
  const rows: FaultRow[] = [];
  const losses: DaemonLoss[] = [];
  const troubles: Trouble[] = [];
  const crowd = new Crowd({ target, clock, chats: plan.chats, seed: plan.seed });
  const stop = new AbortController();
  const end = new AbortController();
  const chats = crowd.run(stop.signal, end.signal);
  let stopDrain = () => {};
  try {
    await print(headLine());
    const onRow = async (row: FaultRow) => {
      rows.push(row);
      await print(rowLine(row));
    };
    const calm = async (name: string, text: string) => {
      const { monotonicMs: sinceMs, wallMs } = clock.stamp();
      const bound = AbortSignal.any([signal, AbortSignal.timeout(TRIAL_LIMITS.chaosMoveMs)]);
      const afterMs = () => clock.stamp().monotonicMs - sinceMs;
      const result = await crowd.allTurnedSince(sinceMs, bound).then(
        () => ({ kind: "moved", afterMs: afterMs() }) as const,
        () =>
          signal.aborted
            ? ({ kind: "interrupted" } as const)
            : ({ kind: "still", waiting: crowd.stillSince(sinceMs) } as const),
      );
      const span = { fromMs: wallMs - startedAtMs, untilMs: clock.now() - startedAtMs };
      await onRow({ name, text, hit: "", calm: true, ...span, result });
    };
    await calm("(before)", "nothing yet: each chat goes through a turn");
    const random = seededRandom(plan.seed);
    const untilMs = plan.durationMs === undefined ? undefined : clock.now() + plan.durationMs;
    const deps = {
      ...{ target, crowd, random, clock, startedAtMs, onRow },
      onLoss: (loss: DaemonLoss) => losses.push(loss),
      onTrouble: (trouble: Trouble) => troubles.push(trouble),
    };
    await rotate({ ...plan, untilMs }, deps, signal);
    if (!signal.aborted && !crowd.isOver) {
      await clock.sleep(TRIAL_LIMITS.chaosAftermathMs, signal).catch(() => undefined);
      await calm("(after)", "nothing any more: each chat goes through a turn");
    }
  } finally {
    stop.abort();
    stopDrain = clock.after(TRIAL_LIMITS.chaosDrainMs, () =>
      end.abort(new Error(`not at rest ${TRIAL_LIMITS.chaosDrainMs / 1000} s after the last fault`)),
    );
    await chats;
    stopDrain();
  }
  const facts = await chats;
  const counts = new Map<string, Counts>();
  for (const daemon of target.daemons) counts.set(daemon.name, await readCounts(daemon.root));
  const verdict = judge({ chats: facts, counts, losses, troubles, startedAtMs });
  const judged = rows.map((row) => {
    const counts = verdict.byFault[troubles.findIndex(({ fromMs }) => fromMs - startedAtMs === row.fromMs)];
    return row.calm === true || counts === undefined ? row : { ...row, counts };
  });
  return { rows: judged, verdict, ...coverage(plan, rows), interrupted: signal.aborted };
}

function coverage({ faults, rounds }: ChaosPlan, rows: readonly FaultRow[]) {
  const made = rows.filter(isMade).map(({ name }) => name);
  return {
    asked: faults.length * (rounds ?? 1),
    made: rounds === undefined ? new Set(made).size : made.length,
  };
}

function isMade({ calm, result }: FaultRow): boolean {
  return calm !== true && result.kind !== "not possible";
}

/** True where nothing was lost and every fault was survived, one at least; `strict`: and every fault was made, unless a person ended it. */
export function passed(outcome: ChaosOutcome, strict: boolean): boolean {
  const { rows, verdict, asked, made, interrupted } = outcome;
  if (!verdict.holds || !showsAnything(outcome)) return false;
  if (strict && !interrupted && made < asked) return false;
  const good: readonly FaultRow["result"]["kind"][] = ["moved", "interrupted"];
  return rows.every(({ result }) => good.includes(result.kind) || (result.kind === "not possible" && !strict));
}

/** False where no chat had a turn or no fault was made: then it says nothing of the stack. */
export function showsAnything({ rows, verdict }: ChaosOutcome): boolean {
  return verdict.totals.turns > 0 && rows.some(isMade);
}
