import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import type { ToolsDaemonService } from "../../../src/gateway/tools-daemon-service.ts";
import { Refused_Reason } from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { eventually } from "../../support/eventually.ts";
import type { FakeStore } from "../../support/fake-store.ts";
import { FrameConnection } from "../../support/frame-connection.ts";
import { addressOf, endCode, GatewayWorld, gatewayOver, requestOf } from "../../support/gateway-world.ts";

let world: GatewayWorld;
let store: FakeStore;
let service: ToolsDaemonService;

beforeEach(() => {
  world = new GatewayWorld();
  ({ store, service } = world);
});
afterEach(() => world.close());

describe("a session", () => {
  test("that was superseded through another gateway has no effect any more, and is closed", async () => {
    const other = gatewayOver(store, { gatewayId: "gtw_other" }).service;
    const daemon = world.daemon();
    daemon.knobs.holdReady = true;
    const old = await daemon.connect(service);
    const call = await world.offered(daemon);
    await old.awaitFrame("offer");
    const moved = await daemon.connect(other);
    expect(moved).not.toBe(old);
    const stamp = { wallMs: 1n, monotonicMs: 1n };
    old.send({ case: "ready", value: { toolCallId: call.id, journalId: daemon.journalId, stamp } });
    expect(await endCode(old.ended)).toBe("conflict");
    expect(store.state(call.id)).toBe("dispatched");
    expect(old.all("grant")).toEqual([]);
    expect(store.rows.get(daemon.daemonId)).toMatchObject({ connected: true, gatewayId: "gtw_other" });
    await other.close();
  });

  test("that was superseded and says nothing is closed by the periodic look", async () => {
    const other = gatewayOver(store).service;
    const daemon = world.daemon();
    const old = await daemon.connect(service);
    await daemon.connect(other);
    expect(await endCode(old.ended)).toBe("conflict");
    await other.close();
  });

  test("of a revoked token is told so and ends; others stay", async () => {
    const revoked = world.daemon({ tokenId: "tok_1" });
    const other = world.daemon({ tokenId: "tok_2" });
    const connection = await revoked.connect(service);
    const staying = await other.connect(service);
    store.revoked.add("tok_1");
    expect((await connection.awaitFrame("refused")).reason).toBe(Refused_Reason.TOKEN);
    expect(await endCode(connection.ended)).toBe("unauthenticated");
    expect(staying.isEnded).toBeFalse();
  });

  test("outlives a look at the tokens that fails", async () => {
    const daemon = world.daemon({ tokenId: "tok_1" });
    const connection = await daemon.connect(service);
    let asked = 0;
    const { invalidAmong } = store.tokens;
    store.tokens.invalidAmong = async (ids) => {
      asked += 1;
      return invalidAmong(ids);
    };
    store.away = true;
    store.revoked.add("tok_1");
    await eventually("two looks", () => asked >= 2);
    expect(connection.isEnded).toBeFalse();
    store.away = false;
    expect(await endCode(connection.ended)).toBe("unauthenticated");
  });

  test("of a stopping gateway is asked to go elsewhere; new ones are refused", async () => {
    const daemon = world.daemon();
    const connection = await daemon.connect(service);
    const drained = service.drain(5_000);
    expect((await connection.awaitFrame("drain")).withinMs).toBe(BigInt(LIMITS.drainLeaveMinMs));
    expect(
      await endCode(
        world
          .daemon()
          .connect(service)
          .catch((error) => error),
      ),
    ).toBe("unavailable");
    connection.leave();
    await drained;
    expect(service.stats().daemons).toBe(0);
  });

  test("that was asked to go elsewhere and is superseded has no effect, and is the daemon's to end; the periodic look ends one that stays", async () => {
    const stopping = gatewayOver(store, { gatewayId: "gtw_stopping", times: { supersededCheckMs: 1500 } }).service;
    const daemon = world.daemon();
    daemon.knobs.holdReady = true;
    const old = await daemon.connect(stopping);
    const call = await world.offered(daemon, stopping);
    await old.awaitFrame("offer");
    const drained = stopping.drain(5_000);
    await old.awaitFrame("drain");
    await daemon.connect(service);
    const { daemonReady } = store.toolCalls;
    const answers: string[] = [];
    store.toolCalls.daemonReady = async (fence, ready) => {
      const answer = await daemonReady(fence, ready);
      answers.push(answer.kind);
      return answer;
    };
    const stamp = { wallMs: 1n, monotonicMs: 1n };
    old.send({ case: "ready", value: { toolCallId: call.id, journalId: daemon.journalId, stamp } });
    await eventually("the ready to be answered", () => answers.length > 0);
    expect(answers).toEqual(["fenced"]);
    expect(old.isEnded).toBeFalse();
    expect(await endCode(old.ended)).toBe("conflict");
    expect(store.state(call.id)).toBe("dispatched");
    expect(old.all("grant")).toEqual([]);
    await drained;
    await stopping.close();
  });

  test("that was asked to go elsewhere outlives the first look that finds it superseded: its next welcome is on the way", async () => {
    const { supersededAmong } = store.daemons;
    let found = 0;
    store.daemons.supersededAmong = async (fences) => {
      const superseded = await supersededAmong(fences);
      if (superseded.size > 0) found += 1;
      return superseded;
    };
    const stopping = gatewayOver(store, { gatewayId: "gtw_stopping" }).service;
    const daemon = world.daemon();
    const old = await daemon.connect(stopping);
    const drained = stopping.drain(5_000);
    await old.awaitFrame("drain");
    await daemon.connect(service);
    expect(await endCode(old.ended)).toBe("conflict");
    expect(found).toBe(2);
    await drained;
    await stopping.close();
  });

  test("that does not go elsewhere is ended by close", async () => {
    const connection = await world.daemon().connect(service);
    await service.drain(20);
    await service.close();
    expect(await endCode(connection.ended)).toBe("unavailable");
  });

  test("whose daemon falls silent is ended, sooner while a call is open; until then it gets heartbeats", async () => {
    const beats = { heartbeatIdleMs: 60, heartbeatBusyMs: 20, deadIdleMs: 60_000, deadBusyMs: 150 };
    const { service: quick } = gatewayOver(store, { times: beats });
    const silent = new FrameConnection(quick, { userId: "usr_ada" });
    const daemon = world.daemon();
    silent.send(daemon.hello());
    await silent.awaitFrame("welcome");
    await silent.awaitFrame("heartbeat", 2);
    expect(silent.isEnded).toBeFalse();
    const call = store.request("usr_ada");
    const address = { userId: "usr_ada", daemonId: daemon.daemonId, epoch: 1 };
    expect(quick.offer(address, requestOf(call, daemon.daemonId))).toBe("accepted");
    expect(await endCode(silent.ended)).toBe("unavailable");
    expect(quick.isOnline(address)).toBeFalse();
    await quick.close();
  });

  test("whose daemon sends more than the store takes in is not read meanwhile, and loses nothing", async () => {
    const daemon = world.daemon();
    const connection = await daemon.connect(service);
    const opened = Promise.withResolvers<void>();
    let handling = 0;
    const { daemonReady } = store.toolCalls;
    store.toolCalls.daemonReady = async (...args) => {
      handling += 1;
      await opened.promise;
      return daemonReady(...args);
    };
    const calls = 2 * LIMITS.inboundFrames;
    for (let index = 0; index < calls; index++) daemon.sayReady(`call_${index}`);
    await eventually("the bound to be reached", () => handling === LIMITS.inboundFrames);
    await Bun.sleep(0);
    expect(handling).toBe(LIMITS.inboundFrames);
    opened.resolve();
    await connection.awaitFrame("withdraw", calls);
  });

  test("is noted as seen with all others in one statement", async () => {
    const { service: quick } = gatewayOver(store, { times: { heartbeatIdleMs: 30 } });
    const pair = [world.daemon(), world.daemon()];
    for (const daemon of pair) await daemon.connect(quick);
    for (const daemon of pair) daemon.send({ case: "heartbeat", value: { sequence: 1n } });
    const both = await eventually("both to be noted", () => store.touched.find((fences) => fences.length === 2));
    expect(both.map((fence) => fence.daemonId).sort()).toEqual(pair.map((daemon) => daemon.daemonId).sort());
    await quick.close();
  });

  test("passes a command on and gives its answer; without an answer it ends with the connection", async () => {
    const daemon = world.daemon();
    await daemon.connect(service);
    await service.command(addressOf(daemon), { kind: "load_config" }, AbortSignal.timeout(5_000));
    const silent = new FrameConnection(service, { userId: "usr_ada" });
    const other = world.daemon();
    silent.send(other.hello());
    await silent.awaitFrame("welcome");
    const address = { userId: "usr_ada", daemonId: other.daemonId, epoch: 1 };
    const asked = service.command(address, { kind: "load_config" }, AbortSignal.timeout(5_000));
    const { commandId } = await silent.awaitFrame("command");
    silent.send({ case: "commandResult", value: { commandId, ok: false, message: "the policy file is not YAML" } });
    await expect(asked).rejects.toThrow("the policy file is not YAML");
    const unanswered = service.command(address, { kind: "load_config" }, AbortSignal.timeout(5_000));
    await silent.awaitFrame("command", 2);
    silent.break();
    await expect(unanswered).rejects.toThrow("went away");
  });
});
