import { createActivities } from "../activities/activities.ts";
import { chooseDaemonFrom } from "../activities/choose-daemon.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import { systemClock as clock } from "../core/clock.ts";
import { TemporalConnection } from "../engine/temporal/temporal-connection.ts";
import { runTemporalWorker } from "../engine/temporal/temporal-worker.ts";
import { NATSDaemonRouter } from "../routing/nats-daemon-router.ts";
import { createToolCatalog } from "../tools/catalog.ts";
import { BACKEND_CHECKS, openBackends } from "./backends.ts";
import type { CommandContext } from "./command-context.ts";
import { modelsOf } from "./models.ts";
import { runServer } from "./server-process.ts";
import { temporalSettings } from "./temporal.ts";

/** `reliant server worker`: runs the agents' loops as Temporal workflows. */
export function runWorker(settings: SettingsOf<"worker">, context: CommandContext): Promise<number> {
  return runServer("worker", settings, context, [...BACKEND_CHECKS, "temporal"], async (parts) => {
    const { store, nats, hub } = await openBackends("worker", settings, parts);
    const router = new NATSDaemonRouter({ store, link: nats, clock });
    parts.closing.defer(() => router.close());
    const connection = TemporalConnection.open(await temporalSettings(settings.temporalHost, settings), clock);
    parts.closing.defer(() => connection.close());
    const worker = runTemporalWorker({
      connection,
      clock,
      taskQueue: settings.temporalTaskQueue,
      activities: createActivities({
        store,
        models: modelsOf(settings, false),
        tools: createToolCatalog(),
        router,
        chooseDaemon: chooseDaemonFrom(store.daemons, clock),
        hub,
        clock,
      }),
    });
    parts.readiness.set("temporal", (ends) => worker.check(ends));
    return () => worker.stop();
  });
}
