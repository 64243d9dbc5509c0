import { availableParallelism } from "node:os";
import { ReliantError } from "../core/errors.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { clients } from "../stack/stack-client.ts";
import type { BenchPart, BenchWorld } from "./bench-part.ts";
import { startDaemon, startRole } from "./bench-roles.ts";
import { writeBenchScript } from "./bench-scripts.ts";
import { openChatRuns, projectAt } from "./chat-runs.ts";
import type { Figure, PartReport } from "./figures.ts";
import { startInstallation } from "./installation.ts";
import { treeProcessorMs } from "./proc-facts.ts";
import { judgeSeries } from "./soak-bounds.ts";
import { SOAK_CONVERSATIONS, SoakLoad } from "./soak-load.ts";
import { openSoakSamples } from "./soak-samples.ts";

/** Looks over the whole time; but not closer to each other than this, because looking costs as well. */
const SAMPLES = 60;
const CLOSEST_MS = 2_000;
const TOLD_EVERY_MS = 60_000;
/** As fast as it goes until code is compiled and heaps have been filled once; then as many again, to see what a run costs. */
const WARM_UP_RUNS = 800;
const WARM_UP_MS = 45_000;
/** Share of all cores that the paced runs take; long runs come on top. Queues stay short, and nothing is ever idle for long. */
const SHARE = 0.4;
const MOST_PER_SECOND = 100;
/** The short form, which CI runs: from this on a long run must have ended beside the others, or the soak has not seen one. */
export const SHORT_SOAK_MS = 120_000;

export const SOAK: BenchPart = {
  name: "soak",
  says: "a steady load for --duration: memory, handles, connections and workflows must not rise",
  onlyNamed: true,
  boundMs: ({ durationMs }) => durationMs + TRIAL_LIMITS.benchPartMs,
  measure: measureSoak,
};

async function measureSoak(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: true });
  const script = await writeBenchScript(installation.folder, SOAK_CONVERSATIONS);
  const gateway = await startRole(installation, "gateway");
  const [api, worker] = await Promise.all([
    startRole(installation, "api"),
    startRole(installation, "worker", { flags: ["--scripted-model", script.file] }),
  ]);
  const user = await installation.signUp("ada");
  const daemon = await startDaemon(installation, gateway, user);
  const client = clients(api.url, user.jwt);
  const projectId = await projectAt(client, daemon.root);
  await using runs = await openChatRuns(client, world.signal);
  const load = new SoakLoad(world, runs, { model: script.model, projectId });
  const perSecond = await paceOf(world, load);
  await using samples = await openSoakSamples(installation, { api, worker, gateway, daemon }, runs);

  const ends = new AbortController();
  const [beganMs, begun, spentMs] = [performance.now(), load.done, await treeProcessorMs(process.pid)];
  const running = load.atPace(perSecond, ends.signal);
  running.catch(() => undefined);
  try {
    await watch(world, load, running, samples);
  } catch (error) {
    // Hours of samples are worth something to whoever ends it before its time.
    if (!world.signal.aborted) throw error;
  } finally {
    ends.abort();
  }
  const ended = world.signal.aborted;
  const [tookMs, done] = [performance.now() - beganMs, load.done - begun];
  const corePercent = (100 * ((await treeProcessorMs(process.pid)) - spentMs)) / tookMs;
  if (!ended) await running;
  const continued = samples.continued();
  const watched = samples.series.map((series) => judgeSeries(series, ended ? tookMs : world.durationMs));
  const rising = watched.filter(({ rises }) => rises).map(({ what }) => what);
  const figure = (id: string, what: string, value: number, unit: string): Figure => ({ id, what, value, unit });
  return {
    figures: [
      figure("soak.runs", `soak of ${Math.round(tookMs / 1000)} s: runs that ended`, done, ""),
      figure(
        "soak.per_s",
        `runs that ended a second (the pace: ${perSecond.toFixed(1)})`,
        (1000 * done) / tookMs,
        "/s",
      ),
      figure("soak.long_runs", "long runs that ended beside them", load.longRuns, ""),
      figure("soak.continued", "workflows that continued as new ones", continued, ""),
      figure("soak.core_percent", "processor of the whole stack, and of what drives it", corePercent, "% of a core"),
    ],
    watched,
    lacks:
      load.longRuns === 0 && tookMs >= SHORT_SOAK_MS
        ? ["no long run ended: the machine is too busy, or such runs are stuck"]
        : [],
    notes: [
      ...(ended ? [`soak: ended by the user after ${Math.round(tookMs / 1000)} s`] : []),
      rising.length === 0 ? "soak: nothing rises" : `soak: these do what they may not: ${rising.join(", ")}`,
      ...(continued > 0 ? [] : ["soak: no workflow came to continue as a new one: this was too short to see that"]),
    ],
  };
}

/** Runs a second that take the share of the machine: measured once, on a stack that is warm, and then kept. */
async function paceOf(world: BenchWorld, load: SoakLoad): Promise<number> {
  world.tell("soak: warming up");
  await load.asFastAsItGoes(WARM_UP_RUNS, WARM_UP_MS);
  const [before, spentMs] = [load.done, await treeProcessorMs(process.pid)];
  await load.asFastAsItGoes(WARM_UP_RUNS, WARM_UP_MS);
  if (load.done === before) {
    throw new ReliantError("failed_precondition", `warm the soak up: no run ended within ${WARM_UP_MS} ms`);
  }
  const runMs = ((await treeProcessorMs(process.pid)) - spentMs) / (load.done - before);
  const perSecond = Math.min(MOST_PER_SECOND, (SHARE * availableParallelism() * 1000) / runMs);
  world.tell(`soak: a run takes ${runMs.toFixed(0)} ms of processor: ${perSecond.toFixed(1)} a second from now on`);
  return perSecond;
}

/** Looks until the time is over. Throws what the load threw. */
async function watch(
  { clock, durationMs, signal, tell }: BenchWorld,
  load: SoakLoad,
  running: Promise<void>,
  samples: { take(): Promise<void>; newest(): string },
): Promise<void> {
  const [beganMs, begun] = [performance.now(), load.done];
  const sinceMs = () => performance.now() - beganMs;
  let toldMs = 0;
  while (sinceMs() < durationMs) {
    await Promise.race([clock.sleep(Math.max(CLOSEST_MS, durationMs / SAMPLES), signal), running]);
    await samples.take();
    if (sinceMs() - toldMs < TOLD_EVERY_MS) continue;
    toldMs = sinceMs();
    const minutes = (ms: number) => (ms / 60_000).toFixed(1);
    tell(
      `soak: ${minutes(toldMs)} of ${minutes(durationMs)} min, ${load.done - begun} runs and ${load.longRuns} long ones; ${samples.newest()}`,
    );
  }
}
