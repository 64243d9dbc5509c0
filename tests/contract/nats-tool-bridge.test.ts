import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ErrorCode, NatsError } from "nats";
import { systemClock } from "../../src/core/clock.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { logger } from "../../src/core/logger.ts";
import type { ToolsDaemonService } from "../../src/gateway/tools-daemon-service.ts";
import { type NatsLink, openNats } from "../../src/nats/nats-connection.ts";
import { createMessageCheck } from "../../src/routing/message-check.ts";
import { NATSDaemonRouter } from "../../src/routing/nats-daemon-router.ts";
import { NATSToolBridge } from "../../src/routing/nats-tool-bridge.ts";
import { daemonSubjects } from "../../src/routing/subjects.ts";
import { encodeToolRequest } from "../../src/routing/tool-message.ts";
import { eventually } from "../support/eventually.ts";
import { FakeStore } from "../support/fake-store.ts";
import { FrameConnection } from "../support/frame-connection.ts";
import { FrameDaemon } from "../support/frame-daemon.ts";
import { gatewayOver, requestOf } from "../support/gateway-world.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type OwnNatsServer, startNats } from "../support/nats-server.ts";
import { SHORT_ROUTER_TIMES } from "../support/router-world.ts";

let server: OwnNatsServer;
let link: NatsLink;
let store: FakeStore;
let service: ToolsDaemonService;
let bridge: NATSToolBridge;
let daemon: FrameDaemon;

beforeEach(async () => {
  server = await startNats();
  link = await openNats({ url: server.url, name: "test", log: logger("test") }, AbortSignal.timeout(10_000));
  store = new FakeStore();
  ({ service } = gatewayOver(store));
  const deps = {
    ...{ link, host: service, toolCalls: store.toolCalls, check: createMessageCheck(), clock: systemClock },
    log: logger("test"),
  };
  bridge = new NATSToolBridge(deps);
  bridge.start();
  daemon = new FrameDaemon({ userId: "usr_ada" });
});
afterEach(async () => {
  daemon.stop();
  await service.close();
  bridge.close();
  await link.close();
  await server.stop();
}, 60_000);

const address = () => ({ userId: "usr_ada", daemonId: daemon.daemonId, epoch: daemon.epoch });

async function ask(subject: string, body: string): Promise<{ status?: string; ok?: boolean; [key: string]: unknown }> {
  const answer = await link.connection.request(subject, body, { timeout: 5_000 });
  return answer.json();
}

/** The statuses that are answered, up to the one that is named, and what comes shortly after it. */
async function answersTo(subject: string, body: string, last: string): Promise<string[]> {
  const { connection } = link;
  const inbox = `_INBOX.test.${crypto.randomUUID()}`;
  const statuses: string[] = [];
  const subscription = connection.subscribe(inbox, {
    callback: (_, message) => statuses.push(JSON.parse(message.string()).status),
  });
  connection.publish(subject, body, { reply: inbox });
  await eventually(`the answer ${last}`, () => statuses.includes(last));
  await systemClock.sleep(3 * LIMITS.acceptDelayMs);
  subscription.unsubscribe();
  return statuses;
}

/** False where somebody answers, or the message went to one who has just gone. */
async function nobodyListens(subject: string): Promise<boolean> {
  const error = await link.connection.request(subject, '{"online":{}}', { timeout: 300 }).catch((thrown) => thrown);
  return error instanceof NatsError && error.code === ErrorCode.NoResponders;
}

describe("the bridge between NATS and a gateway", () => {
  test("gives a command up by its gateway's clock where the daemon never answers", async () => {
    bridge.close();
    const clock = new ManualClock();
    const check = createMessageCheck();
    bridge = new NATSToolBridge({
      ...{ link, host: service, toolCalls: store.toolCalls, check, clock, log: logger("test") },
    });
    bridge.start();
    const silent = new FrameConnection(service, { userId: "usr_ada" });
    silent.send(daemon.hello());
    await silent.awaitFrame("welcome");
    const { command } = daemonSubjects({ userId: "usr_ada", daemonId: daemon.daemonId, epoch: 1 });
    const asked = ask(command, '{"commandId":"cmd_1","loadConfig":{}}');
    await silent.awaitFrame("command");
    await clock.advance(LIMITS.commandMs);
    expect(await asked).toMatchObject({ commandId: "cmd_1", errorCode: "deadline_exceeded" });
  });

  test("accepts a request that fits", async () => {
    await daemon.connect(service);
    const call = store.request("usr_ada");
    const body = encodeToolRequest(address(), requestOf(call, daemon.daemonId));
    expect(await ask(daemonSubjects(address()).request, body)).toEqual({
      toolCallId: call.id,
      status: "STATUS_ACCEPTED",
    });
  });

  test("answers whoever waits for the outcome with that alone where it comes soon", async () => {
    await daemon.connect(service);
    const call = store.request("usr_ada");
    const times = { timeoutMs: 60_000, deadlineAtMs: systemClock.now() + 60_000 };
    await store.toolCalls.dispatch({ toolCallId: call.id, daemonId: daemon.daemonId, ...times });
    const body = encodeToolRequest(address(), requestOf(call, daemon.daemonId));
    const answers = await answersTo(daemonSubjects(address()).syncRequest, body, "STATUS_DONE");
    expect(answers).toEqual(["STATUS_DONE"]);
  });

  test("tells whoever waits for the outcome that it has the call, where that takes longer", async () => {
    daemon.knobs.holdReady = true;
    const connection = await daemon.connect(service);
    const call = store.request("usr_ada");
    const body = encodeToolRequest(address(), requestOf(call, daemon.daemonId));
    const asked = answersTo(daemonSubjects(address()).syncRequest, body, "STATUS_ACCEPTED");
    await connection.awaitFrame("offer");
    expect(await asked).toEqual(["STATUS_ACCEPTED"]);
  });

  test("says nothing about a call that its gateway could not take, so that it is sent again", async () => {
    bridge.close();
    const offer = () => {
      throw new Error("the gateway is broken");
    };
    const host: ToolsDaemonService = Object.create(service, { offer: { value: offer } });
    const check = createMessageCheck();
    bridge = new NATSToolBridge({
      ...{ link, host, toolCalls: store.toolCalls, check, clock: systemClock, log: logger("test") },
    });
    bridge.start();
    await daemon.connect(service);
    const call = store.request("usr_ada");
    const body = encodeToolRequest(address(), requestOf(call, daemon.daemonId));
    const request = link.connection.request(daemonSubjects(address()).syncRequest, body, {
      timeout: 4 * LIMITS.acceptDelayMs,
    });
    await expect(request).rejects.toThrow("TIMEOUT");
  });

  test.each([
    ["no JSON", "hello"],
    ["JSON of another shape", "[1]"],
    ["nothing", ""],
    ["bytes that are no text", "\u0000\uffff"],
    ["a request without what is needed", "{}"],
    ["a request to another daemon", '{"toolCallId":"c","userId":"u","daemonId":"d","epoch":"1","invocation":{}}'],
  ])("answers %s as invalid, and goes on", async (_, body) => {
    await daemon.connect(service);
    const subjects = daemonSubjects(address());
    expect((await ask(subjects.request, body)).status).toBe("STATUS_INVALID");
    expect((await ask(subjects.syncRequest, body)).status).toBe("STATUS_INVALID");
    expect((await ask(subjects.command, body)).ok ?? false).toBeFalse();
    const call = store.request("usr_ada");
    const good = encodeToolRequest(address(), requestOf(call, daemon.daemonId));
    expect((await ask(subjects.request, good)).status).toBe("STATUS_ACCEPTED");
    expect(daemon.connection?.isEnded).toBeFalse();
  });

  test("listens to an epoch from before its welcome to its end, and to no other", async () => {
    const first = await daemon.connect(service);
    const old = daemonSubjects(address());
    expect((await ask(old.command, '{"online":{}}')).ok).toBeTrue();
    await daemon.connect(service);
    await first.ended;
    await eventually("nobody to listen to the old epoch", () => nobodyListens(old.command));
    expect((await ask(daemonSubjects(address()).command, '{"online":{}}')).ok).toBeTrue();
    daemon.crash();
    await eventually("nobody to listen at all", () => nobodyListens(daemonSubjects(address()).command));
  });

  test("lets no daemon in while NATS is away, and in again when it is back", async () => {
    await server.kill9();
    await eventually("the loss to be seen", () => !link.isConnected);
    await expect(daemon.connect(service)).rejects.toThrow("NATS");
    await server.restart();
    await eventually("the connection to stand again", () => link.isConnected);
    await daemon.connect(service);
    expect((await ask(daemonSubjects(address()).command, '{"online":{}}')).ok).toBeTrue();
  }, 60_000);

  test("loses no call when NATS dies in its middle: the worker finds the outcome in the ledger", async () => {
    const times = { ...SHORT_ROUTER_TIMES, daemonOfflineMs: 20_000 };
    const workerLink = await openNats(
      { url: server.url, name: "worker", log: logger("test") },
      AbortSignal.timeout(9_000),
    );
    const router = new NATSDaemonRouter({ store, link: workerLink, clock: systemClock, times });
    daemon.knobs.holdReady = true;
    const connection = await daemon.connect(service);
    const call = store.request("usr_ada");
    const ended = router.sendToolRequestSync(requestOf(call, daemon.daemonId), AbortSignal.timeout(30_000));
    await connection.awaitFrame("offer");
    await server.kill9();
    daemon.knobs.holdReady = false;
    expect((await ended).state).toBe("succeeded");
    await server.restart();
    await eventually("both connections to stand again", () => link.isConnected && workerLink.isConnected);
    const next = store.request("usr_ada");
    const after = await router.sendToolRequestSync(requestOf(next, daemon.daemonId), AbortSignal.timeout(30_000));
    expect(after.state).toBe("succeeded");
    await router.close();
    await workerLink.close();
  }, 60_000);

  test("rings once the outcome stands, long before the worker's poll", async () => {
    const times = { ...SHORT_ROUTER_TIMES, daemonOfflineMs: 20_000, acceptedMs: 20_000, ledgerPollMs: 60_000 };
    const router = new NATSDaemonRouter({ store, link, clock: systemClock, times });
    await daemon.connect(service);
    const call = store.request("usr_ada");
    const ended = await router.sendToolRequestSync(requestOf(call, daemon.daemonId), AbortSignal.timeout(30_000));
    expect(ended.state).toBe("succeeded");
    await router.close();
  }, 60_000);
});

describe("the connection to NATS", () => {
  const open = (url: string, signal = AbortSignal.timeout(10_000)) =>
    openNats({ url, name: "test", log: logger("test") }, signal);

  test.each(["", "localhost:4222", "http://localhost:4222", "nats://", "nats://a b"])(
    "refuses the address %j",
    async (url) => {
      await expect(open(url)).rejects.toThrow("it is not of the form nats://host:4222");
    },
  );

  test("is tried again until the signal aborts", async () => {
    await server.kill9();
    const control = new AbortController();
    const opening = open(server.url, control.signal);
    control.abort(new Error("the process stops"));
    await expect(opening).rejects.toThrow("the process stops");
    const later = open(server.url);
    await server.restart();
    await (await later).close();
  }, 60_000);

  test("tells by its check whether it stands", async () => {
    await link.check(AbortSignal.timeout(5_000));
    await server.kill9();
    await eventually("the loss to be seen", () => !link.isConnected);
    await expect(link.check(AbortSignal.timeout(5_000))).rejects.toThrow("reach NATS");
    await server.restart();
    await eventually("the connection to stand again", () => link.isConnected);
    await link.check(AbortSignal.timeout(5_000));
  }, 60_000);
});
