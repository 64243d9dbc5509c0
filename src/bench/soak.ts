import { readdirSync } from "node:fs";
import { z } from "zod";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { clients } from "../stack/stack-client.ts";
import type { BenchPart, BenchWorld } from "./bench-part.ts";
import { startDaemon, startRole } from "./bench-roles.ts";
import { NO_TOOL, ONE_TOOL_CALL, writeBenchScript } from "./bench-scripts.ts";
import { type ChatRuns, openChatRuns, projectAt } from "./chat-runs.ts";
import type { PartReport } from "./figures.ts";
import { startInstallation } from "./installation.ts";
import { residentBytes } from "./proc-facts.ts";
import { connectionsOf } from "./raw-connections.ts";
import { openTemporalFacts, type TemporalFacts } from "./raw-temporal-history.ts";
import { type Sample, type SlopeBound, slopeOf } from "./slope.ts";

/** Runs under way at any time: a load that a machine of two cores bears without a queue. */
const CALLERS = 3;
/** Pause of a caller between two of its runs, so that the load is the same whatever the machine else does. */
const PAUSE_MS = 250;
const SAMPLES = 60;

/** What must not rise. Noise is what a steady process shows between two looks. */
const BOUNDS = {
  memory: { perHour: 24, noise: 6 },
  handles: { perHour: 12, noise: 4 },
  connections: { perHour: 6, noise: 2 },
  workflows: { perHour: 12, noise: 4 },
  history: { perHour: 60, noise: 30 },
} as const satisfies Record<string, SlopeBound>;
type Watched = keyof typeof BOUNDS;

/** A heap finds its size after minutes of load: 40 MB in the first two. A shorter soak tells only of leaks beyond that. */
const HEAP_SETTLES_MS = 10 * 60_000;
const UNSETTLED_NOISE_MB = 48;

export const SOAK: BenchPart = {
  name: "soak",
  says: "a steady load for --duration: memory, handles, connections and workflows must not rise",
  onlyNamed: true,
  boundMs: ({ durationMs }) => durationMs + TRIAL_LIMITS.benchPartMs,
  measure: measureSoak,
};

const STATS = z.object({ writeQueueDepth: z.number(), transactionsOpen: z.number() });

interface Series {
  readonly what: string;
  readonly watched: Watched;
  readonly unit: string;
  readonly samples: Sample[];
}

async function measureSoak(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: true });
  const script = await writeBenchScript(installation.folder);
  const flags = ["--scripted-model", script.file];
  const gateway = await startRole(installation, "gateway");
  const [api, worker] = await Promise.all([
    startRole(installation, "api"),
    startRole(installation, "worker", { flags }),
  ]);
  const user = await installation.signUp("ada");
  const daemon = await startDaemon(installation, gateway, user);
  const client = clients(api.url, user.jwt);
  const projectId = await projectAt(client, daemon.root);
  await using runs = await openChatRuns(client, world.signal);
  const { temporal } = installation;
  await using facts = await openTemporalFacts(`${temporal?.host}:${temporal?.port}`, temporal?.namespace ?? "");
  const roles = [
    { name: "api", pid: api.process.pid },
    { name: "worker", pid: worker.process.pid },
    { name: "gateway", pid: gateway.process.pid },
    { name: "daemon", pid: daemon.process.pid },
  ];
  const watch = new Watch();
  const ends = new AbortController();
  const load = keepRunning(world, runs, { model: script.model, projectId }, ends.signal);
  const endMs = performance.now() + world.durationMs;
  while (performance.now() < endMs) {
    await world.clock.sleep(world.durationMs / SAMPLES, world.signal);
    await sampleAll(watch, roles, installation.databaseUrl, api.debugUrl ?? "", facts);
  }
  ends.abort();
  const done = await load;
  return reportOf(watch, done, world.durationMs);
}

class Watch {
  readonly series = new Map<string, Series>();

  add(what: string, watched: Watched, unit: string, value: number): void {
    const series = this.series.get(what) ?? { what, watched, unit, samples: [] };
    series.samples.push({ atMs: performance.now(), value });
    this.series.set(what, series);
  }
}

async function sampleAll(
  watch: Watch,
  roles: readonly { readonly name: string; readonly pid: number }[],
  databaseUrl: string,
  debugUrl: string,
  facts: TemporalFacts,
): Promise<void> {
  for (const { name, pid } of roles) {
    watch.add(`${name}: memory`, "memory", "MB", residentBytes(pid) / 1e6);
    watch.add(`${name}: open files`, "handles", "", readdirSync(`/proc/${pid}/fd`).length);
  }
  watch.add("connections to Postgres", "connections", "", await connectionsOf(databaseUrl));
  const { open, longestHistory } = await facts.now();
  watch.add("open workflows", "workflows", "", open);
  watch.add("longest history of the newest workflows", "history", "events", longestHistory);
  const { writeQueueDepth, transactionsOpen } = STATS.parse(await (await fetch(`${debugUrl}/debug/db`)).json());
  watch.add("api: write queue", "workflows", "entries", writeQueueDepth);
  watch.add("api: open transactions", "workflows", "", transactionsOpen);
}

/** Runs with and without a tool, until the signal; answers how many have ended. A run that fails ends the soak. */
async function keepRunning(
  { clock }: BenchWorld,
  runs: ChatRuns,
  chat: { readonly model: string; readonly projectId: string },
  ends: AbortSignal,
): Promise<number> {
  let done = 0;
  const caller = async (text: string) => {
    while (!ends.aborted) {
      await runs.run({ ...chat, text });
      done++;
      await clock.sleep(PAUSE_MS, ends).catch(() => undefined);
    }
  };
  const texts = Array.from({ length: CALLERS }, (_, index) => (index % 2 === 0 ? ONE_TOOL_CALL : NO_TOOL));
  await Promise.all(texts.map(caller));
  return done;
}

function boundOf(watched: Watched, durationMs: number): SlopeBound {
  if (watched !== "memory" || durationMs >= HEAP_SETTLES_MS) return BOUNDS[watched];
  return { ...BOUNDS.memory, noise: UNSETTLED_NOISE_MB };
}

function reportOf(watch: Watch, done: number, durationMs: number): PartReport {
  const figures: PartReport["figures"][number][] = [
    {
      ...{
        id: "soak.runs",
        what: `soak of ${Math.round(durationMs / 1000)} s: runs that ended`,
        value: done,
        unit: "",
      },
    },
  ];
  const rising: string[] = [];
  for (const { what, watched, unit, samples } of watch.series.values()) {
    const slope = slopeOf(samples, boundOf(watched, durationMs));
    if (slope === undefined) continue;
    const id = `soak.${what.replaceAll(/[^a-z]+/gi, "_")}`;
    figures.push({ id, what: `${what}, last third`, value: slope.last, unit });
    figures.push({ id: `${id}_per_hour`, what: `${what}, rise`, value: slope.perHour, unit: `${unit}/h`.trim() });
    if (slope.rises) rising.push(what);
  }
  const verdict =
    rising.length === 0
      ? "soak: nothing rises"
      : `soak: these RISE (medians of the last and the middle third): ${rising.join(", ")}`;
  return { figures, grows: rising.length > 0, notes: [verdict] };
}
