import { describe, expect, test } from "bun:test";
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

/** What ends a call that nobody accepts, twice over, and one answer of NATS that does not come. */
const LONG_ENOUGH_MS = SHORT_ROUTER_TIMES.acceptedMs + 2 * SHORT_ROUTER_TIMES.daemonOfflineMs;

/** A router on a NATS server of its own, and a call of a chat whose daemon was seen at that time. No gateway holds it. */
async function openWorld(closing: AsyncDisposableStack, seenAtMs: number) {
  const folder = closing.use(await tempFolder("away"));
  const server = closing.use(await startNats());
  const store = await openStore({
    ...{ driver: "sqlite", file: join(folder.path, "reliant.db"), clock: systemClock },
    ...{ announce: () => undefined, signal: soon() },
  });
  closing.defer(() => store.close());
  const link = await openNats({ url: server.url, name: "router", log: logger("test") }, soon());
  closing.defer(() => link.close());
  const router = new NATSDaemonRouter({ store, link, clock: systemClock, times: SHORT_ROUTER_TIMES });
  closing.defer(() => router.close());
  const { callIds, chat } = await aChatWithCalls(store, 1);
  const call = await store.toolCalls.get(callIds[0] ?? "");
  const { fence } = await aDaemon(store, chat.userId, seenAtMs);
  return { server, store, link, router, call, fence };
}

describe("a tool call that comes while NATS", () => {
  test("is away waits, none of its time is used up, and its daemon is looked for from NATS' return on", async () => {
    await using closing = new AsyncDisposableStack();
    const { server, store, link, router, call, fence } = await openWorld(closing, systemClock.now());
    await server.kill9();
    await eventually("the loss to be seen", () => !link.isConnected);

    const sent = router.sendToolRequestSync(requestOf(call, fence.daemonId), soon());
    await systemClock.sleep(LONG_ENOUGH_MS);
    expect(await store.toolCalls.get(call.id)).toMatchObject({ state: "requested" });

    await server.restart();
    expect((await sent).result?.text).toContain("daemon_offline");
  }, 60_000);

  test("stands still, its connections up, waits as well, until NATS goes on", async () => {
    await using closing = new AsyncDisposableStack();
    const { server, store, link, router, call, fence } = await openWorld(closing, systemClock.now());
    await server.pause();

    const sent = router.sendToolRequestSync(requestOf(call, fence.daemonId), soon());
    await systemClock.sleep(LONG_ENOUGH_MS);
    expect(link.isConnected).toBe(true);
    expect(await store.toolCalls.get(call.id)).toMatchObject({ state: "dispatched" });

    await server.resume();
    expect((await sent).result?.text).toContain("daemon_offline");
  }, 60_000);

  test("is away waits also where its daemon is not connected: it could not have come, and may need as long as a daemon waits between two attempts", async () => {
    await using closing = new AsyncDisposableStack();
    const longAgoMs = systemClock.now() - 2 * SHORT_ROUTER_TIMES.reconnectGraceMs;
    const { server, store, link, router, call, fence } = await openWorld(closing, longAgoMs);
    await store.daemons.markDisconnected(fence);
    await server.kill9();
    await eventually("the loss to be seen", () => !link.isConnected);

    const sent = router.sendToolRequestSync(requestOf(call, fence.daemonId), soon());
    await systemClock.sleep(2 * SHORT_ROUTER_TIMES.daemonOfflineMs);
    expect(await store.toolCalls.get(call.id)).toMatchObject({ state: "requested" });

    await server.restart();
    await eventually("NATS to be back", () => link.isConnected);
    const backAtMs = systemClock.now();
    expect((await sent).result?.text).toContain("is not connected");
    expect(systemClock.now() - backAtMs).toBeGreaterThan(SHORT_ROUTER_TIMES.reconnectMaxMs / 2);
  }, 60_000);

  test("stands still waits also where its daemon is not connected", async () => {
    await using closing = new AsyncDisposableStack();
    const longAgoMs = systemClock.now() - 2 * SHORT_ROUTER_TIMES.reconnectGraceMs;
    const { server, store, router, call, fence } = await openWorld(closing, longAgoMs);
    await store.daemons.markDisconnected(fence);
    await server.pause();

    const sent = router.sendToolRequestSync(requestOf(call, fence.daemonId), soon());
    await systemClock.sleep(LONG_ENOUGH_MS);
    expect(await store.toolCalls.get(call.id)).toMatchObject({ state: "requested" });

    await server.resume();
    expect((await sent).result?.text).toContain("is not connected");
  }, 60_000);
});

describe("a tool call that was dispatched as NATS went", () => {
  test.each(["is away", "stands still"])(
    "has its whole time yet when NATS, which %s, is back",
    async (how) => {
      await using closing = new AsyncDisposableStack();
      const { server, store, router, call, fence } = await openWorld(closing, systemClock.now());
      const [timeoutMs, deadlineAtMs] = [10, systemClock.now() + 500];
      await store.toolCalls.dispatch({ toolCallId: call.id, daemonId: fence.daemonId, timeoutMs, deadlineAtMs });
      if (how === "is away") await server.kill9();
      else await server.pause();

      const sent = router.sendToolRequestSync(requestOf(call, fence.daemonId, { timeoutMs }), soon());
      await systemClock.sleep(LONG_ENOUGH_MS);
      const waiting = await store.toolCalls.get(call.id);
      expect(waiting).toMatchObject({ state: "dispatched" });
      const leftMs = (waiting.deadlineAtMs ?? 0) - systemClock.now();
      expect(leftMs).toBeGreaterThan(SHORT_ROUTER_TIMES.toolCallSlackMs / 3);

      if (how === "is away") await server.restart();
      else await server.resume();
      // No gateway holds its daemon.
      expect((await sent).result?.text).toContain("daemon_offline");
    },
    60_000,
  );
});
