import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { ToolsDaemonService } from "../../../src/gateway/tools-daemon-service.ts";
import { ConnectRequestSchema, CallResult_Ending as Ending } from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { eventually } from "../../support/eventually.ts";
import type { FakeStore } from "../../support/fake-store.ts";
import type { FrameDaemon } from "../../support/frame-daemon.ts";
import { addressOf, GatewayWorld, requestOf } from "../../support/gateway-world.ts";

let world: GatewayWorld;
let store: FakeStore;
let service: ToolsDaemonService;

beforeEach(() => {
  world = new GatewayWorld();
  ({ store, service } = world);
});
afterEach(() => world.close());

describe("one call", () => {
  test("goes offer, ready, grant with the ready's stamp, result, ack; the outcome is told once it stands", async () => {
    const told: string[] = [];
    service.onOutcome((_, id, outcome) => void told.push(`${id} ${outcome} ${store.state(id)}`));
    const daemon = world.daemon();
    daemon.knobs.holdReady = true;
    const connection = await daemon.connect(service);
    const call = await world.offered(daemon);
    const offer = await connection.awaitFrame("offer");
    expect(offer.invocation).toMatchObject({ toolName: "shell", timeoutMs: 60_000n, chatId: call.chatId });
    const stamp = { wallMs: 17n, monotonicMs: 18n };
    daemon.send({ case: "ready", value: { toolCallId: call.id, journalId: daemon.journalId, stamp } });
    expect((await connection.awaitFrame("grant")).stamp).toMatchObject(stamp);
    await connection.awaitFrame("ack");
    expect(store.calls.get(call.id)).toMatchObject({ state: "succeeded", result: { text: "done", isError: false } });
    // Again where the daemon repeated its result before the ack came, on a machine that is busy.
    expect(new Set(told)).toEqual(new Set([`${call.id} succeeded succeeded`]));
    expect(service.stats().openCalls).toBe(0);
  });

  test("whose gateway died between the compare-and-set and the grant is granted again, and starts once", async () => {
    const daemon = world.daemon();
    await daemon.connect(service);
    let died = 0;
    store.afterCommit = (event) => {
      if (event !== "ready" || died > 0) return;
      died += 1;
      throw new ReliantError("unavailable", "the answer of the store was lost");
    };
    const call = await world.offered(daemon);
    await eventually("the outcome", () => store.state(call.id) === "succeeded");
    expect(died).toBe(1);
    expect(daemon.starts).toEqual([call.id]);
  });

  test("of a daemon that comes back with another journal is unknown, and its offer is withdrawn", async () => {
    const daemon = world.daemon();
    daemon.knobs.holdResults = true;
    const connection = await daemon.connect(service);
    const call = await world.offered(daemon);
    await eventually("the start", () => store.state(call.id) === "running");
    daemon.loseJournal();
    daemon.sayReady(call.id);
    await connection.awaitFrame("withdraw");
    expect(store.state(call.id)).toBe("unknown");
  });

  test("that was ended before its ready is withdrawn and never starts", async () => {
    const daemon = world.daemon();
    daemon.knobs.holdReady = true;
    const connection = await daemon.connect(service);
    const call = await world.offered(daemon);
    await connection.awaitFrame("offer");
    await store.toolCalls.endBeforeRunning({ toolCallId: call.id, outcome: "timed_out", reason: "late" });
    daemon.knobs.holdReady = false;
    await connection.awaitFrame("withdraw");
    expect(daemon.starts).toEqual([]);
    expect(daemon.journal.size).toBe(0);
  });

  test("whose cancel comes before its offer leaves a result that ends it unstarted", async () => {
    const daemon = world.daemon();
    const connection = await daemon.connect(service);
    const call = store.request("usr_ada");
    const facts = { toolCallId: call.id, daemonId: daemon.daemonId, timeoutMs: 1, deadlineAtMs: Date.now() + 60_000 };
    await store.toolCalls.dispatch(facts);
    expect(service.cancel(addressOf(daemon), call.id, false)).toBeTrue();
    await connection.awaitFrame("ack");
    expect(store.state(call.id)).toBe("cancelled");
    service.offer(addressOf(daemon), requestOf(call, daemon.daemonId));
    await connection.awaitFrame("ack", 2);
    expect(daemon.starts).toEqual([]);
  });

  test("of somebody else is withdrawn, and its result is acked and changes nothing", async () => {
    const daemon = world.daemon();
    const connection = await daemon.connect(service);
    const his = store.request("usr_bob", { state: "dispatched", daemonId: "dmn_bob" });
    daemon.sayReady(his.id);
    await connection.awaitFrame("withdraw");
    const { journalId } = daemon;
    daemon.send({ case: "result", value: { toolCallId: his.id, journalId, ending: Ending.FINISHED } });
    await connection.awaitFrame("ack");
    expect(store.state(his.id)).toBe("dispatched");
  });

  test("keeps its outcome when a second result comes; that is acked as evidence", async () => {
    const daemon = world.daemon({ repeatMs: 10_000 });
    const connection = await daemon.connect(service);
    const call = await world.offered(daemon);
    await connection.awaitFrame("ack");
    const { journalId } = daemon;
    daemon.send({ case: "result", value: { toolCallId: call.id, journalId, ending: Ending.GONE } });
    await connection.awaitFrame("ack", 2);
    expect(store.state(call.id)).toBe("succeeded");
    expect(store.evidence).toEqual([call.id]);
  });

  test("survives a store that is away: what the daemon repeats is handled when the store is back", async () => {
    const daemon = world.daemon();
    daemon.knobs.holdReady = true;
    const connection = await daemon.connect(service);
    const call = await world.offered(daemon);
    await connection.awaitFrame("offer");
    let tried = 0;
    const { daemonReady } = store.toolCalls;
    store.toolCalls.daemonReady = (...args) => {
      tried += 1;
      return daemonReady(...args);
    };
    store.away = true;
    daemon.knobs.holdReady = false;
    await eventually("two tries", () => tried >= 2);
    expect(store.calls.get(call.id)?.state).toBe("dispatched");
    store.away = false;
    await connection.awaitFrame("ack");
    expect(daemon.starts).toEqual([call.id]);
  });

  test("with a result larger than the ledger takes is cut and says so", async () => {
    const daemon = world.daemon({ run: async () => "é".repeat(LIMITS.toolResultTextBytes) });
    const connection = await daemon.connect(service);
    const call = await world.offered(daemon);
    await connection.awaitFrame("ack");
    const text = store.calls.get(call.id)?.result?.text ?? "";
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMITS.toolResultTextBytes);
    expect(text).toMatch(/^é+\n\[\d+ bytes left out\]$/);
  });
});

describe("offers", () => {
  test("for an epoch, a user or a daemon that is not here are answered so", async () => {
    const daemon = world.daemon();
    await daemon.connect(service);
    const request = requestOf(store.request("usr_ada"), daemon.daemonId);
    expect(service.offer(addressOf(daemon, 2), request)).toBe("not_here");
    expect(service.offer({ ...addressOf(daemon), userId: "usr_bob" }, request)).toBe("not_here");
    expect(service.offer({ ...addressOf(daemon), daemonId: "dmn_other" }, request)).toBe("not_here");
  });

  test("beyond the calls that a daemon keeps open are busy", async () => {
    const daemon = world.daemon();
    daemon.knobs.holdReady = true;
    await daemon.connect(service);
    for (let index = 0; index < LIMITS.daemonOpenCalls; index++) await world.offered(daemon);
    expect(service.offer(addressOf(daemon), requestOf(store.request("usr_ada"), daemon.daemonId))).toBe("busy");
  });

  test("beyond the bytes that wait for a daemon that does not read are busy", async () => {
    const frames = { [Symbol.asyncIterator]: () => framesOf(world.daemon()) };
    const gone = new AbortController();
    const responses = service.connect(frames, {
      identity: { userId: "usr_ada", scope: "daemon" },
      signal: gone.signal,
    });
    const welcome = await responses.next();
    const welcomed = welcome.value?.frame;
    const daemonId = welcomed?.case === "welcome" ? welcomed.value.daemonId : "";
    const inputJson = JSON.stringify("x".repeat(LIMITS.toolInputBytes - 2));
    const offer = () => {
      const request = requestOf(store.request("usr_ada"), daemonId, { inputJson });
      return service.offer({ userId: "usr_ada", daemonId, epoch: 1 }, request);
    };
    const fitting = LIMITS.outboundBytes / LIMITS.toolInputBytes;
    expect(Array.from({ length: fitting }, offer)).toEqual(Array.from({ length: fitting }, () => "accepted"));
    expect(offer()).toBe("busy");
    gone.abort();
  });

  test("that the daemon refuses are told, and the ledger stays", async () => {
    const refused: string[] = [];
    service.onRefused((_, id) => void refused.push(id));
    const daemon = world.daemon();
    daemon.knobs.refuseOffers = true;
    await daemon.connect(service);
    const call = await world.offered(daemon);
    await eventually("the refusal", () => refused.length > 0);
    expect(refused).toEqual([call.id]);
    expect(store.state(call.id)).toBe("dispatched");
    expect(service.stats().openCalls).toBe(0);
  });
});

/** The frames of a daemon that says hello and then nothing. */
async function* framesOf(daemon: FrameDaemon) {
  yield create(ConnectRequestSchema, { frame: daemon.hello() });
  await new Promise(() => undefined);
}
