import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { newId } from "../../src/core/ids.ts";
import { logger } from "../../src/core/logger.ts";
import type { ToolsDaemonService } from "../../src/gateway/tools-daemon-service.ts";
import { type NatsLink, openNats } from "../../src/nats/nats-connection.ts";
import type { DaemonRouter } from "../../src/routing/daemon-router.ts";
import { LocalDaemonRouter } from "../../src/routing/local-daemon-router.ts";
import { createMessageCheck } from "../../src/routing/message-check.ts";
import { NATSDaemonRouter } from "../../src/routing/nats-daemon-router.ts";
import { NATSToolBridge } from "../../src/routing/nats-tool-bridge.ts";
import { openStore } from "../../src/store/kysely/kysely-store.ts";
import type { Store } from "../../src/store/store.ts";
import { FrameDaemon, type FrameDaemonOptions } from "./frame-daemon.ts";
import { gatewayOver } from "./gateway-world.ts";
import { type NatsServer, sharedNats } from "./nats-server.ts";
import { tempFolder } from "./temp-folder.ts";

/** Times that let a test see in milliseconds what takes seconds. */
export const SHORT_ROUTER_TIMES = {
  daemonOfflineMs: 400,
  reconnectGraceMs: 35_000,
  reconnectMaxMs: 1_200,
  ledgerPollMs: 50,
  acceptedMs: 1_500,
  resendBaseMs: 5,
  resendMaxMs: 30,
  toolCallSlackMs: 5_000,
  unknownAfterDeadlineMs: 300,
} as const;

type Times = Partial<Record<keyof typeof SHORT_ROUTER_TIMES, number>>;

/** A store, gateways and routers over one driver, with daemons of any user. */
export interface RouterWorld extends AsyncDisposable {
  readonly store: Store;
  /** The local driver has one, the others two. */
  readonly gateways: readonly [ToolsDaemonService, ...ToolsDaemonService[]];
  /** A router as a process of its own would have it. */
  router(times?: Times): Promise<DaemonRouter>;
  daemon(userId: string, options?: Partial<FrameDaemonOptions>): FrameDaemon;
}

export interface RouterDriver extends AsyncDisposable {
  open(): Promise<RouterWorld>;
}

export const ROUTER_DRIVERS: readonly { readonly name: string; start(): Promise<RouterDriver> }[] = [
  { name: "LocalDaemonRouter", start: startLocal },
  { name: "NATSDaemonRouter", start: startNatsDriver },
];

async function startLocal(): Promise<RouterDriver> {
  return {
    open: () =>
      openWorld(async (store) => {
        const { service } = gatewayOver(store);
        const deps = { store, host: service, clock: systemClock, ensureDaemon: async () => undefined };
        return {
          gateways: [service],
          router: async (times) => new LocalDaemonRouter({ ...deps, times: { ...SHORT_ROUTER_TIMES, ...times } }),
          close: () => service.close(),
        };
      }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function startNatsDriver(): Promise<RouterDriver> {
  const server = await sharedNats();
  return { open: () => openWorld((store) => natsParts(store, server)), [Symbol.asyncDispose]: () => server.stop() };
}

/** Two gateways and any number of routers, each with a connection of its own. */
async function natsParts(store: Store, server: NatsServer): Promise<Parts> {
  const links: NatsLink[] = [];
  const bridges: NATSToolBridge[] = [];
  const link = async (name: string) => {
    const opened = await openNats({ url: server.url, name, log: logger("test") }, AbortSignal.timeout(10_000));
    links.push(opened);
    return opened;
  };
  const gateway = async (gatewayId: string) => {
    const { service } = gatewayOver(store, { gatewayId });
    const deps = { link: await link(gatewayId), host: service, toolCalls: store.toolCalls };
    const bridge = new NATSToolBridge({
      ...deps,
      check: createMessageCheck(),
      clock: systemClock,
      log: logger("test"),
    });
    bridge.start();
    bridges.push(bridge);
    return service;
  };
  const gateways = [await gateway("gtw_1"), await gateway("gtw_2")] as const;
  return {
    gateways: [...gateways],
    router: async (times) => {
      const deps = { store, link: await link("router"), clock: systemClock };
      return new NATSDaemonRouter({ ...deps, times: { ...SHORT_ROUTER_TIMES, ...times } });
    },
    close: async () => {
      await Promise.all(gateways.map((service) => service.close()));
      for (const bridge of bridges) bridge.close();
      await Promise.all(links.map((each) => each.close()));
    },
  };
}

interface Parts {
  readonly gateways: RouterWorld["gateways"];
  readonly router: RouterWorld["router"];
  close(): Promise<void>;
}

async function openWorld(build: (store: Store) => Promise<Parts>): Promise<RouterWorld> {
  const folder = await tempFolder("router");
  const store = await openStore({
    ...{ driver: "sqlite", file: join(folder.path, "reliant.db"), clock: systemClock },
    ...{ announce: () => undefined, signal: AbortSignal.timeout(10_000) },
  });
  const parts = await build(store);
  const daemons: FrameDaemon[] = [];
  const routers: DaemonRouter[] = [];
  return {
    store,
    gateways: parts.gateways,
    router: async (times) => {
      const router = await parts.router(times);
      routers.push(router);
      return router;
    },
    daemon: (userId, options = {}) => {
      const daemon = new FrameDaemon({ userId, instanceId: newId("ins"), ...options });
      daemons.push(daemon);
      return daemon;
    },
    [Symbol.asyncDispose]: async () => {
      for (const daemon of daemons) daemon.stop();
      for (const router of routers) await router.close();
      await parts.close();
      await store.close();
      await folder.remove();
    },
  };
}
