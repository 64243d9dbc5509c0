import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { ReliantError } from "../../../src/core/errors.ts";
import { shakeHands } from "../../../src/gateway/handshake.ts";
import type { ToolsDaemonService } from "../../../src/gateway/tools-daemon-service.ts";
import { HelloSchema, Refused_Reason } from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { eventually } from "../../support/eventually.ts";
import type { FakeStore } from "../../support/fake-store.ts";
import { FrameConnection } from "../../support/frame-connection.ts";
import { addressOf, endCode, GatewayWorld, gatewayOver } from "../../support/gateway-world.ts";

let world: GatewayWorld;
let store: FakeStore;
let service: ToolsDaemonService;

beforeEach(() => {
  world = new GatewayWorld();
  ({ store, service } = world);
});
afterEach(() => world.close());

describe("hello", () => {
  test("is answered with the next epoch once whoever routes to the daemon listens and the store says connected", async () => {
    const order: string[] = [];
    service.onDaemon({
      begins: async (address) => {
        order.push(`begins ${address.epoch} ${store.rows.get(address.daemonId)?.connected}`);
      },
      ended: (address) => void order.push(`ended ${address.epoch}`),
    });
    const daemon = world.daemon();
    const connection = await daemon.connect(service);
    expect(order).toEqual(["begins 1 false"]);
    expect(store.rows.get(daemon.daemonId)?.connected).toBeTrue();
    expect(service.isOnline(addressOf(daemon))).toBeTrue();
    connection.leave();
    expect(await connection.ended).toBeUndefined();
    await eventually("the end to be noted", () => store.rows.get(daemon.daemonId)?.connected === false);
    expect(order).toEqual(["begins 1 false", "ended 1"]);
    expect(service.isOnline(addressOf(daemon))).toBeFalse();
  });

  test("gives an id to a machine that has none", async () => {
    const connection = new FrameConnection(service, { userId: "usr_ada" });
    connection.send(world.daemon().hello({ daemonId: "", userId: "" }));
    const welcome = await connection.awaitFrame("welcome");
    expect(welcome.daemonId).toMatch(/^dmn_/);
    expect(welcome.userId).toBe("usr_ada");
    connection.break();
  });

  test.each([
    ["of another user's token", { userId: "usr_eve" }, Refused_Reason.IDENTITY],
    ["of another protocol", { protocolVersion: 2, minProtocolVersion: 2 }, Refused_Reason.PROTOCOL],
    ["with an epoch that is not in force", { lastEpoch: 7n }, Refused_Reason.EPOCH],
  ])("%s is refused, and the stream ends", async (_, wrong, reason) => {
    const connection = new FrameConnection(service, { userId: "usr_ada" });
    connection.send(world.daemon().hello(wrong));
    expect((await connection.awaitFrame("refused")).reason).toBe(reason);
    expect(await connection.ended).toBeUndefined();
    expect(service.stats().daemons).toBe(0);
  });

  test.each([
    ["the daemon is too old", { min: 2, max: 3 }, { protocolVersion: 1 }, "update reliant on the daemon's machine"],
    ["the gateway is too old", { min: 1, max: 1 }, { protocolVersion: 3, minProtocolVersion: 2 }, "update the servers"],
  ])("where %s is refused with the versions of both, and what to do", async (side, protocol, versions, advice) => {
    const hello = create(HelloSchema, { daemonId: "dmn_1", instanceId: "ins_1", journalId: "jrn_1", ...versions });
    const identity = { userId: "usr_ada", scope: "daemon" } as const;
    const { signal } = new AbortController();
    const answer = await shakeHands({ daemons: store.daemons, gatewayId: "gtw_1", protocol }, hello, identity, signal);
    const told = answer.kind === "refused" ? answer.refusal : undefined;
    expect(told).toMatchObject({ reason: Refused_Reason.PROTOCOL, protocol });
    expect(told?.message).toStartWith(side);
    expect(told?.message).toContain(advice);
    expect(store.rows.size).toBe(0);
  });

  test("for another user's daemon is refused", async () => {
    const hers = world.daemon();
    await hers.connect(service);
    const his = world.daemon({ userId: "usr_bob", daemonId: hers.daemonId });
    await expect(his.connect(service)).rejects.toThrow("IDENTITY");
    expect(service.isOnline(addressOf(hers))).toBeTrue();
  });

  test("of a process that another one has replaced is refused", async () => {
    const first = world.daemon({ instanceId: "ins_1", startCount: 1 });
    await first.connect(service);
    const second = world.daemon({ daemonId: first.daemonId, instanceId: "ins_2", startCount: 2 });
    second.journalId = first.journalId;
    await second.connect(service);
    expect(await endCode(first.connection?.ended ?? Promise.resolve())).toBe("conflict");
    await expect(first.connect(service)).rejects.toThrow("REPLACED");
  });

  test("of a daemon that leaves while the store is asked is told to the store", async () => {
    const asked = Promise.withResolvers<AbortSignal>();
    store.daemons.hello = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new ReliantError("cancelled", "nobody waits")));
        asked.resolve(signal ?? AbortSignal.abort(new Error("the store was not given a signal")));
      });
    const connection = new FrameConnection(service, { userId: "usr_ada" });
    connection.send(world.daemon().hello());
    const signal = await asked.promise;
    expect(signal.aborted).toBeFalse();
    connection.break();
    expect(signal.aborted).toBeTrue();
    await connection.ended;
  });

  test("that does not come ends the stream", async () => {
    const quick = gatewayOver(store, { times: { helloMs: 20 } }).service;
    const connection = new FrameConnection(quick, { userId: "usr_ada" });
    expect(await endCode(connection.ended)).toBe("deadline_exceeded");
    await quick.close();
  });

  test("must be the first frame, and only that", async () => {
    const early = new FrameConnection(service, { userId: "usr_ada" });
    early.send({ case: "heartbeat", value: { sequence: 1n } });
    expect(await endCode(early.ended)).toBe("invalid_argument");
    const daemon = world.daemon();
    const connection = await daemon.connect(service);
    connection.send(daemon.hello());
    expect(await endCode(connection.ended)).toBe("invalid_argument");
  });

  test("while the store is away is told so; live streams stay", async () => {
    const daemon = world.daemon();
    const connection = await daemon.connect(service);
    store.away = true;
    expect(
      await endCode(
        world
          .daemon()
          .connect(service)
          .catch((error) => error),
      ),
    ).toBe("unavailable");
    connection.send({ case: "heartbeat", value: { sequence: 1n } });
    expect(service.isOnline(addressOf(daemon))).toBeTrue();
  });

  test("while the router cannot listen is told so, and the daemon does not count as connected", async () => {
    const stop = service.onDaemon({
      begins: () => Promise.reject(new ReliantError("unavailable", "reach NATS: away")),
      ended: () => undefined,
    });
    const daemon = world.daemon();
    expect(await endCode(daemon.connect(service).catch((error) => error))).toBe("unavailable");
    expect(store.rows.get(daemon.daemonId)?.connected).toBeFalse();
    stop();
    await daemon.connect(service);
  });
});

describe("a frame that does not fit", () => {
  test.each([
    ["an id that is no token", { case: "ready", value: { toolCallId: "a.b", journalId: "jrn_1", stamp: {} } }],
    ["no stamp", { case: "ready", value: { toolCallId: "call_1", journalId: "jrn_1" } }],
    ["an ending that is none", { case: "result", value: { toolCallId: "call_1", journalId: "jrn_1", ending: 0 } }],
    ["too much output", { case: "output", value: { toolCallId: "call_1", data: new Uint8Array(65_537) } }],
    ["a negative offset", { case: "output", value: { toolCallId: "call_1", offset: -1n } }],
  ] as const)("(%s) ends the stream with what is wrong", async (_, frame) => {
    const connection = await world.daemon().connect(service);
    connection.send(frame);
    expect(String(await connection.ended)).toContain(`read frame ${frame.case} of the daemon`);
    expect(await endCode(connection.ended)).toBe("invalid_argument");
  });

  test("of a kind that a newer daemon may have is let pass", async () => {
    const daemon = world.daemon();
    const connection = await daemon.connect(service);
    connection.send({ case: undefined } as never);
    const call = await world.offered(daemon);
    await eventually("the outcome", () => store.state(call.id) === "succeeded");
    expect(connection.isEnded).toBeFalse();
  });
});
