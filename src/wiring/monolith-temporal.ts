import { join } from "node:path";
import type { Activities } from "../activities/activities.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import { systemClock as clock } from "../core/clock.ts";
import { TemporalDevServer } from "../engine/temporal/dev-server.ts";
import { TemporalConnection } from "../engine/temporal/temporal-connection.ts";
import { TemporalEngine } from "../engine/temporal/temporal-engine.ts";
import type { TemporalSettings } from "../engine/temporal/temporal-settings.ts";
import { runTemporalWorker } from "../engine/temporal/temporal-worker.ts";
import type { WorkflowEngine } from "../engine/workflow-engine.ts";
import type { ServerParts } from "./server-process.ts";
import { temporalSettings } from "./temporal.ts";

/** `monolith --engine temporal`: worker and client in this process, against `--temporal-host`, or a server that it starts itself. */
export async function openMonolithTemporal(
  settings: SettingsOf<"monolith">,
  activities: Activities,
  parts: ServerParts,
): Promise<WorkflowEngine> {
  const connection = TemporalConnection.open(await whereTemporalIs(settings, parts), clock);
  const taskQueue = settings.temporalTaskQueue;
  const worker = runTemporalWorker({ connection, clock, taskQueue, activities });
  parts.closing.defer(() => worker.stop());
  parts.readiness.set("temporal", (ends) => worker.check(ends));
  return new TemporalEngine(connection, { taskQueue });
}

async function whereTemporalIs(settings: SettingsOf<"monolith">, parts: ServerParts): Promise<TemporalSettings> {
  if (settings.temporalHost !== undefined) return temporalSettings(settings.temporalHost, settings);
  const server = await TemporalDevServer.start({
    dataFolder: join(settings.dataDir, "temporal"),
    namespace: settings.temporalNamespace,
    clock,
  });
  parts.closing.defer(() => server.close());
  return { address: server.address, namespace: settings.temporalNamespace };
}
