import { expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { logger } from "../../src/core/logger.ts";
import { openNats } from "../../src/nats/nats-connection.ts";
import { NATSDaemonRouter } from "../../src/routing/nats-daemon-router.ts";
import { openStore } from "../../src/store/kysely/kysely-store.ts";
import { eventually } from "../support/eventually.ts";
import { requestOf } from "../support/gateway-world.ts";
import { startNats } from "../support/nats-server.ts";
import { SHORT_ROUTER_TIMES } from "../support/router-world.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { soon } from "./describe-on-routers.ts";
import { aChatWithCalls, aDaemon } from "./store/store-verbs.ts";

test("a tool call waits while NATS is away, none of its time is used up, and its daemon is looked for from NATS' return on", async () => {
  await using folder = await tempFolder("away");
  await using server = await startNats();
  const store = await openStore({
    ...{ driver: "sqlite", file: join(folder.path, "reliant.db"), clock: systemClock },
    ...{ announce: () => undefined, signal: soon() },
  });
  const link = await openNats({ url: server.url, name: "router", log: logger("test") }, soon());
  const router = new NATSDaemonRouter({ store, link, clock: systemClock, times: SHORT_ROUTER_TIMES });
  const { callIds, chat } = await aChatWithCalls(store, 1);
  const call = await store.toolCalls.get(callIds[0] ?? "");
  const { fence } = await aDaemon(store, chat.userId, systemClock.now());
  await server.kill9();
  await eventually("the loss to be seen", () => !link.isConnected);

  const sent = router.sendToolRequestSync(requestOf(call, fence.daemonId), soon());
  // What would have ended it, twice over.
  await systemClock.sleep(2 * SHORT_ROUTER_TIMES.daemonOfflineMs);
  expect(await store.toolCalls.get(call.id)).toMatchObject({ state: "requested" });

  await server.restart();
  const ended = await sent;
  expect(ended.result?.text).toContain("daemon_offline");
  await router.close();
  await link.close();
  await store.close();
}, 60_000);
