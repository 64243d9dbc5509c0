import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Secret } from "../../src/config/secret.ts";
import { systemClock } from "../../src/core/clock.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { ConnectTransport } from "../../src/daemon/connect-transport.ts";
import { GatewayLink } from "../../src/daemon/gateway-link.ts";
import { helloFields } from "../../src/daemon/hello-fields.ts";
import { SqliteJournal } from "../../src/daemon/sqlite-journal.ts";
import { startToxicProxy } from "../../src/stack/toxic-proxy.ts";
import { eventually } from "../support/eventually.ts";
import { FakeStore } from "../support/fake-store.ts";
import { FrameConnection } from "../support/frame-connection.ts";
import { FrameDaemon } from "../support/frame-daemon.ts";
import { addressOf, gatewayOver, requestOf } from "../support/gateway-world.ts";
import { ManualClock, settle } from "../support/manual-clock.ts";
import { SmallGateway } from "../support/small-gateway.ts";
import { tempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(90_000);

/** What the documents promise (design §5): a dead peer is noticed within these, a daemon is back within the third. */
const NOTICED_IDLE_MS = 120_000;
const NOTICED_BUSY_MS = 20_000;
const BACK_MS = 5_000;

describe("a gateway whose daemon is gone without a word, by its own clock", () => {
  /** A daemon that said hello and nothing more; a call is open at it where one is wanted. */
  async function silentDaemon(options: { readonly withCall: boolean; readonly idleMs: number }) {
    const clock = new ManualClock();
    const store = new FakeStore(() => clock.now());
    const { service } = gatewayOver(store, { clock, times: LIMITS });
    const daemon = new FrameDaemon({ userId: "usr_ada", daemonId: "dmn_1" });
    const connection = new FrameConnection(service, { userId: "usr_ada" });
    connection.send(daemon.hello());
    for (let look = 0; look < 20 && connection.all("welcome").length === 0; look++) await settle();
    daemon.epoch = 1;
    await clock.advance(options.idleMs);
    if (options.withCall) {
      const call = store.request("usr_ada");
      await store.toolCalls.dispatch({ toolCallId: call.id, daemonId: "dmn_1", timeoutMs: 1, deadlineAtMs: 1 });
      expect(service.offer(addressOf(daemon), requestOf(call, "dmn_1"))).toBe("accepted");
    }
    daemon.stop();
    return { clock, service, connection };
  }

  test.each([
    ["idle", false, 0, NOTICED_IDLE_MS],
    ["with a call that was offered as it went", true, 0, NOTICED_BUSY_MS],
    ["with a call that was offered after a long silence", true, 90_000, NOTICED_BUSY_MS],
  ] as const)("%s: it is noticed in time", async (_, withCall, idleMs, withinMs) => {
    const { clock, service, connection } = await silentDaemon({ withCall, idleMs });
    expect(connection.isEnded).toBe(false);
    await clock.advance(withinMs);
    expect(connection.isEnded).toBe(true);
    expect(service.stats().daemons).toBe(0);
    void service.close();
    await clock.advance(1_000);
  });
});

describe("a daemon whose network drops everything, by the real clock", () => {
  test("notices it within 20 s while a call is open, and is back within 5 s after the network is", async () => {
    await using folder = await tempFolder("liveness");
    await using gateway = await SmallGateway.start();
    await using proxy = await startToxicProxy({ name: "network", upstreams: [Number(new URL(gateway.url).port)] });
    const events: { readonly what: string; readonly atMs: number }[] = [];
    const note = (what: string) => events.push({ what, atMs: performance.now() });
    const noted = (what: string, count: number) =>
      eventually(`${what} ${count}`, () => events.filter((event) => event.what === what)[count - 1], {
        timeoutMs: 40_000,
      });
    const journal = SqliteJournal.open(join(folder.path, "journal.db"));
    const url = `http://127.0.0.1:${proxy.port}`;
    const link = new GatewayLink({
      transport: new ConnectTransport({ url, tlsMode: "h2c", token: new Secret("rlnt_pat_test") }),
      clock: systemClock,
      journal,
      hello: helloFields({
        ...{ daemonId: "dmn_1", userId: "usr_1", instanceId: "ins_1", name: "laptop", labels: [] },
        ...{ version: "0", platform: "test", toolNames: [] },
      }),
      listener: {
        connected: () => note("connected"),
        disconnected: () => note("disconnected"),
        frame: () => undefined,
        unknown: () => undefined,
        waiting: () => note("waiting"),
      },
      runningIds: () => [],
      isBusy: () => true,
    });
    const stop = new AbortController();
    const running = link.run(stop.signal);
    // Every hello is answered; welcomed connections get heartbeats, as a gateway sends them while a call is open.
    let welcomed = 0;
    const alive = setInterval(() => {
      for (const connection of gateway.connections.slice(welcomed)) connection.welcome(++welcomed);
      for (const connection of gateway.connections) connection.send({ case: "heartbeat", value: {} });
    }, 500);
    try {
      await noted("connected", 1);
      const directions = ["upstream", "downstream"] as const;
      const heal = directions.map((direction) => proxy.addToxic({ kind: "timeout", direction, afterMs: 0 }));
      const goneAt = performance.now();
      const noticedMs = (await noted("disconnected", 1)).atMs - goneAt;
      expect(noticedMs).toBeLessThan(NOTICED_BUSY_MS);
      // Some attempts have been in vain by then.
      await noted("waiting", 3);
      for (const mend of heal) mend();
      // What was held is lost in a network that drops; the connections with it.
      proxy.dropConnections();
      const backAt = performance.now();
      expect((await noted("connected", 2)).atMs - backAt).toBeLessThan(BACK_MS);
    } finally {
      clearInterval(alive);
      stop.abort();
      await running;
      journal.close();
    }
  });
});
