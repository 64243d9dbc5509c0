import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { clients } from "../stack/stack-client.ts";
import type { BenchPart, BenchWorld } from "./bench-part.ts";
import { startDaemon, startRole } from "./bench-roles.ts";
import { NO_TOOL, ONE_PLAN, ONE_TOOL_CALL, writeBenchScript } from "./bench-scripts.ts";
import { type ChatRuns, driveAll, openChatRuns, projectAt } from "./chat-runs.ts";
import type { Figure, Growth, PartReport } from "./figures.ts";
import { type Installation, startInstallation } from "./installation.ts";
import { awaitWord, startPeer } from "./peer.ts";
import { processorMs } from "./proc-facts.ts";
import { BARE_TEMPORAL, type BareTemporalOptions } from "./raw-temporal.ts";

/** Runs at once: enough to keep the worker busy, as few users would. */
const CALLERS = 10;
const WARM_UP_RUNS = 40;
/** Runs of one measurement: by three sizes, so that the cost of each more can be seen. */
const SIZES = [60, 120, 240] as const;
/** What a run with one tool call is made of: two calls of the model and the tool's; looking is a local activity. */
const STEPS = { activities: 3, localActivities: 1 } as const;

export const WORKER_RUNS: BenchPart = {
  name: "worker",
  says: "runs a second through one worker, beside the same number of empty activities through the bare Temporal SDK",
  goals: ["worker.runs_ratio"],
  boundMs: () => TRIAL_LIMITS.benchPartMs,
  measure: measureWorkerRuns,
};

async function measureWorkerRuns(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: true });
  const script = await writeBenchScript(installation.folder);
  const model = ["--scripted-model", script.file];
  const gateway = await startRole(installation, "gateway");
  const [api, worker] = await Promise.all([
    startRole(installation, "api"),
    startRole(installation, "worker", { flags: model }),
  ]);
  const user = await installation.signUp("ada");
  const daemon = await startDaemon(installation, gateway, user);
  const client = clients(api.url, user.jwt);
  const projectId = await projectAt(client, daemon.root);
  await using runs = await openChatRuns(client, world.signal);
  const run = (text: string) => runs.run({ text, model: script.model, projectId });
  await driveAll(WARM_UP_RUNS, CALLERS, () => run(ONE_TOOL_CALL));

  // Before, in the middle and behind: what the machine does beside must not fall on one of them only.
  const bare = [await bareRunsPerSecond(installation)];
  const roles = { worker, api, gateway, daemon };
  const before = spentBy(roles);
  const growth = await measureSizes(run);
  const spent = spentBy(roles).map(({ name, ms }, index) => ({ name, ms: ms - (before[index]?.ms ?? 0) }));
  bare.push(await bareRunsPerSecond(installation));
  const plan = await runsPerSecond(() => run(ONE_PLAN));
  const text = await runsPerSecond(() => run(NO_TOOL));
  bare.push(await bareRunsPerSecond(installation));
  return reportOf(growth, spent, { plan, text }, bare);
}

async function measureSizes(run: (text: string) => ReturnType<ChatRuns["run"]>): Promise<Growth> {
  const points: { size: number; value: number }[] = [];
  for (const size of SIZES) points.push({ size, value: await driveAll(size, CALLERS, () => run(ONE_TOOL_CALL)) });
  return {
    ...{ id: "worker.runs_growth", what: "runs with one tool call, all of them", unit: "ms", of: "runs" },
    ...{ mayBe: "linear", points },
  };
}

async function runsPerSecond(run: () => Promise<unknown>): Promise<number> {
  const [, count] = SIZES;
  return (1000 * count) / (await driveAll(count, CALLERS, run));
}

async function bareRunsPerSecond(installation: Installation): Promise<number> {
  const { temporal, world } = installation;
  const options: BareTemporalOptions = {
    ...{ address: `${temporal?.host}:${temporal?.port}`, namespace: temporal?.namespace ?? "" },
    ...{ warmUpRuns: WARM_UP_RUNS, runs: SIZES[1], callers: CALLERS, ...STEPS },
  };
  const peer = await startPeer(installation, "bare-temporal", options);
  const { runsPerSecond: found } = await awaitWord(
    peer,
    "bare",
    BARE_TEMPORAL,
    TRIAL_LIMITS.benchReportMs,
    world.signal,
  );
  await peer.awaitExit();
  return found;
}

interface Spent {
  readonly name: string;
  /** Of all threads, user and kernel. */
  readonly ms: number;
}

function spentBy(roles: Readonly<Record<string, { readonly process: { readonly pid: number } }>>): Spent[] {
  return Object.entries(roles).map(([name, { process }]) => ({ name, ms: processorMs(process.pid) }));
}

function reportOf(
  growth: Growth,
  spent: readonly Spent[],
  others: { readonly plan: number; readonly text: number },
  bare: readonly number[],
): PartReport {
  const last = growth.points.at(-1);
  const ours = last === undefined ? 0 : (1000 * last.size) / last.value;
  const bareMean = bare.reduce((sum, each) => sum + each, 0) / bare.length;
  const raw = { what: `bare SDK, ${STEPS.activities} empty activities and a local one`, value: bareMean };
  const figures: Figure[] = [
    { id: "worker.runs_per_s", what: "runs with one tool call on a daemon", value: ours, unit: "/s", raw },
    {
      id: "worker.runs_ratio",
      what: "runs with one tool call on a daemon against the bare SDK",
      value: ours / bareMean,
      unit: "×",
    },
    { id: "worker.plans_per_s", what: "runs with one tool call in the worker", value: others.plan, unit: "/s", raw },
    { id: "worker.texts_per_s", what: "runs without a tool call", value: others.text, unit: "/s" },
  ];
  const runs = SIZES.reduce((sum, size) => sum + size, 0);
  for (const { name, ms } of spent) {
    const what = `processor time of a run with one tool call, ${name}`;
    figures.push({ id: `worker.${name}_cpu_ms`, what, value: ms / runs, unit: "ms" });
  }
  return { figures, growths: [growth] };
}
