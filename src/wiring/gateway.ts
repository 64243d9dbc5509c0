import { DBPATValidator } from "../auth/db-pat-validator.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import { systemClock as clock } from "../core/clock.ts";
import { newId } from "../core/ids.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import { daemonRoutes } from "../gateway/daemon-routes.ts";
import { daemonStream } from "../gateway/daemon-stream.ts";
import { ToolsDaemonService } from "../gateway/tools-daemon-service.ts";
import { healthRoutes } from "../ops/grpc-health.ts";
import { createMessageCheck } from "../routing/message-check.ts";
import { NATSToolBridge } from "../routing/nats-tool-bridge.ts";
import { openTls } from "../rpc/open-tls.ts";
import { openRpcServer } from "../rpc/rpc-server.ts";
import { BACKEND_CHECKS, openBackends } from "./backends.ts";
import type { CommandContext } from "./command-context.ts";
import { warnOfFewOpenFiles } from "./open-files.ts";
import { listening, runServer } from "./server-process.ts";

/** `reliant server gateway`: holds the daemons' connections. */
export function runGateway(settings: SettingsOf<"gateway">, context: CommandContext): Promise<number> {
  return runServer("gateway", settings, context, BACKEND_CHECKS, async (parts) => {
    await warnOfFewOpenFiles(logger("gateway"));
    const tls = await openTls(settings, clock);
    const { store, nats, hub } = await openBackends("gateway", settings, parts);
    const check = createMessageCheck();
    const service = new ToolsDaemonService({
      gatewayId: newId("gtw"),
      store,
      hub,
      check,
      clock,
      log: logger("gateway"),
    });
    const bridge = new NATSToolBridge({
      link: nats,
      host: service,
      toolCalls: store.toolCalls,
      check,
      clock,
      log: logger("gateway", "bridge"),
    });
    bridge.start();
    service.start();
    parts.counters.set("gateway", () => service.stats());
    const verifier = new DBPATValidator({ store, clock });
    const { bindAddress } = settings;
    const shared = { bindAddress, tls, clock };
    const health = healthRoutes(parts.readiness, clock);
    const daemons = await listening(
      { role: "gateway", setting: "daemonPort", port: settings.daemonPort, bindAddress },
      () =>
        openRpcServer({
          ...shared,
          name: "daemons",
          port: settings.daemonPort,
          streams: [daemonStream({ service, verifier })],
          routes: (router) => {
            daemonRoutes({ service, verifier })(router);
            health(router);
          },
        }),
    );
    const frontend = await listening(
      { role: "gateway", setting: "frontendPort", port: settings.frontendPort, bindAddress },
      () =>
        openRpcServer({
          ...shared,
          name: "frontend",
          port: settings.frontendPort,
          routes: health,
          cors: { origins: settings.corsOrigins },
        }),
    );
    return async () => {
      await service.drain(LIMITS.drainMs);
      await service.close();
      await Promise.all([daemons.close(LIMITS.streamCloseMs), frontend.close(LIMITS.streamCloseMs)]);
      bridge.close();
    };
  });
}
