import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { clients } from "../stack/stack-client.ts";
import type { BenchPart, BenchWorld } from "./bench-part.ts";
import { startDaemon, startRole } from "./bench-roles.ts";
import { ONE_TOOL_CALL, writeBenchScript } from "./bench-scripts.ts";
import { driveAll, openChatRuns, projectAt } from "./chat-runs.ts";
import type { Figure, PartReport } from "./figures.ts";
import { startInstallation } from "./installation.ts";
import { openPostgresTap, type PostgresTap } from "./postgres-tap.ts";
import { openTemporalFacts } from "./raw-temporal-history.ts";

const WARM_UP_RUNS = 5;
const RUNS = 20;
const AT_ONCE = 4;

export const TURN_COSTS: BenchPart = {
  name: "turns",
  says: "what one run with one tool call costs: statements of each server, activities and events of its workflow",
  boundMs: () => TRIAL_LIMITS.benchPartMs,
  measure: measureTurns,
};

/** Counts, not times: by a tap before Postgres for each role, and by the workflows' histories. */
async function measureTurns(world: BenchWorld): Promise<PartReport> {
  await using installation = await startInstallation(world, { temporal: true });
  const script = await writeBenchScript(installation.folder);
  const { databaseUrl, temporal } = installation;
  await using taps = new AsyncDisposableStack();
  const tap = async () => taps.use(await openPostgresTap(databaseUrl));
  const [apiTap, workerTap, gatewayTap] = [await tap(), await tap(), await tap()];
  const gateway = await startRole(installation, "gateway", { databaseUrl: gatewayTap.url });
  const flags = ["--scripted-model", script.file];
  const [api] = await Promise.all([
    startRole(installation, "api", { databaseUrl: apiTap.url }),
    startRole(installation, "worker", { databaseUrl: workerTap.url, flags }),
  ]);
  const user = await installation.signUp("ada");
  const daemon = await startDaemon(installation, gateway, user);
  const client = clients(api.url, user.jwt);
  const projectId = await projectAt(client, daemon.root);
  await using runs = await openChatRuns(client, world.signal);
  const run = () => runs.run({ text: ONE_TOOL_CALL, model: script.model, projectId });
  await driveAll(WARM_UP_RUNS, AT_ONCE, run);
  for (const each of [apiTap, workerTap, gatewayTap]) each.take();

  const chatIds: string[] = [];
  await driveAll(RUNS, AT_ONCE, async () => void chatIds.push((await run()).chatId));
  const statements = { api: perRun(apiTap), worker: perRun(workerTap), gateway: perRun(gatewayTap) };
  await using facts = await openTemporalFacts(`${temporal?.host}:${temporal?.port}`, temporal?.namespace ?? "");
  const histories = await Promise.all(chatIds.map((chatId) => facts.historyOf(`chat-${chatId}`)));
  const mean = (value: (of: (typeof histories)[number]) => number) =>
    histories.reduce((sum, each) => sum + value(each), 0) / histories.length;
  const figure = (id: string, what: string, value: number): Figure => ({ id: `turns.${id}`, what, value, unit: "" });
  return {
    figures: [
      figure("worker_statements", "a run with one tool call: statements of the worker", statements.worker),
      figure("gateway_statements", "the same: of the gateway", statements.gateway),
      figure("api_statements", "the same: of the API server, one stream following", statements.api),
      figure(
        "activities",
        "the same: activities",
        mean(({ activities }) => activities),
      ),
      figure(
        "local_activities",
        "the same: local activities",
        mean(({ localActivities }) => localActivities),
      ),
      figure(
        "workflow_tasks",
        "the same: workflow tasks",
        mean(({ workflowTasks }) => workflowTasks),
      ),
      figure(
        "events",
        "the same: events of its history",
        mean(({ events }) => events),
      ),
    ],
    notes: ["statements are those of the whole time, `begin`, `commit` and the servers' own polls included"],
  };
}

function perRun(tap: PostgresTap): number {
  return [...tap.take().values()].reduce((sum, count) => sum + count, 0) / RUNS;
}
