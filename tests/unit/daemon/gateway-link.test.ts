import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { GatewayLink, type LinkListener } from "../../../src/daemon/gateway-link.ts";
import type { GatewaySession } from "../../../src/daemon/gateway-session.ts";
import { helloFields } from "../../../src/daemon/hello-fields.ts";
import { SqliteJournal } from "../../../src/daemon/sqlite-journal.ts";
import { ConnectResponseSchema, Refused_Reason } from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { settle } from "../../support/manual-clock.ts";
import { type TempFolder, tempFolder } from "../../support/temp-folder.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { LaptopClock } from "./laptop-clock.ts";

const HEARTBEAT = create(ConnectResponseSchema, { frame: { case: "heartbeat", value: {} } }).frame;
const ACK = create(ConnectResponseSchema, { frame: { case: "ack", value: { toolCallId: "call_1" } } }).frame;

class LinkWorld implements AsyncDisposable {
  readonly clock = new LaptopClock();
  readonly gateway = new FakeGateway();
  readonly events: string[] = [];
  unknown = 0;
  readonly waits: number[] = [];
  readonly frames: string[] = [];
  busy = false;
  session: GatewaySession | undefined;
  outcome: "running" | "ended" | Error = "running";
  private readonly abort = new AbortController();
  private readonly running: Promise<void>;

  private constructor(
    private readonly folder: TempFolder,
    readonly journal: SqliteJournal,
    prepare: (gateway: FakeGateway) => void,
    random: () => number,
  ) {
    prepare(this.gateway);
    const listener: LinkListener = {
      connected: (session, { epoch }) => {
        this.session = session;
        this.events.push(`connected ${epoch}`);
      },
      frame: (session, frame) => this.frames.push(`${session.name} ${frame.kind}`),
      disconnected: (_, reason) => this.events.push(`disconnected: ${reason}`),
      unknown: () => this.unknown++,
      waiting: (_, ms) => this.waits.push(ms),
    };
    const link = new GatewayLink({
      transport: this.gateway,
      clock: this.clock,
      journal,
      hello: helloFields({
        daemonId: "dmn_1",
        userId: "usr_1",
        instanceId: "ins_1",
        name: "laptop",
        labels: [],
        version: "0",
        platform: "test",
        toolNames: [],
      }),
      listener,
      runningIds: () => [],
      isBusy: () => this.busy,
      random,
    });
    this.running = link.run(this.abort.signal).then(
      () => {
        this.outcome = "ended";
      },
      (error: Error) => {
        this.outcome = error;
      },
    );
  }

  static async create(prepare: (gateway: FakeGateway) => void = () => {}, random = () => 1): Promise<LinkWorld> {
    const folder = await tempFolder("link");
    const world = new LinkWorld(folder, SqliteJournal.open(join(folder.path, "journal.db")), prepare, random);
    await settle();
    return world;
  }

  /** The gateway beats as it should while time passes. */
  async live(ms: number, everyMs = LIMITS.heartbeatBusyMs): Promise<void> {
    for (let passed = 0; passed < ms; passed += everyMs) {
      this.gateway.last.send(create(ConnectResponseSchema, { frame: { case: "heartbeat", value: {} } }).frame);
      await this.clock.advance(Math.min(everyMs, ms - passed));
    }
  }

  async stop(): Promise<void> {
    this.abort.abort();
    await this.running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.journal.close();
    await this.folder.remove();
  }
}

describe("the link to the gateway", () => {
  test("begins with the epoch 0, and names the last one that it saw when it comes again", async () => {
    await using world = await LinkWorld.create();
    expect(world.gateway.last.hello?.lastEpoch).toBe(0n);
    world.gateway.last.out.close();
    await world.clock.advance(LIMITS.reconnectBaseMs);
    expect(world.gateway.last.hello?.lastEpoch).toBe(1n);
    expect(world.events).toEqual(["connected 1", "disconnected: the gateway ended the connection", "connected 2"]);
  });

  test("waits longer after each failure, up to 15 s where a gateway answers and 4 s where nobody does", async () => {
    const { reconnectBaseMs: base, reconnectMaxMs: max, reconnectUnreachedMs: unreached } = LIMITS;
    await using refused = await LinkWorld.create((gateway) => {
      gateway.reachedFailure = new ReliantError("unavailable", "the store is away");
    });
    for (let attempt = 0; attempt < 8; attempt++) await refused.clock.advance(max);
    expect(refused.waits.slice(0, 8)).toEqual([base, base * 2, base * 4, base * 8, base * 16, base * 32, max, max]);
    await using alone = await LinkWorld.create((gateway) => {
      gateway.failure = new ReliantError("unavailable", "nobody is there");
    });
    for (let attempt = 0; attempt < 6; attempt++) await alone.clock.advance(unreached);
    expect(alone.waits.slice(0, 6)).toEqual([base, base * 2, base * 4, base * 8, unreached, unreached]);
    expect([refused.outcome, alone.outcome]).toEqual(["running", "running"]);
  });

  test("is back within 5 s after its network is, however long that was away and whatever became of the packets", async () => {
    for (const away of ["refused", "reset", "dropped"] as const) {
      for (const awayMs of [3_600_000, 3_601_000, 3_602_000, 3_603_000]) {
        await using world = await LinkWorld.create((gateway) => {
          if (away === "refused") gateway.failure = new ReliantError("unavailable", "nobody is there");
          if (away === "reset") gateway.failure = new ReliantError("cancelled", "the connection was reset");
          gateway.dead = away === "dropped";
        });
        await world.clock.advance(awayMs);
        expect(world.events).toEqual([]);
        world.gateway.failure = undefined;
        world.gateway.dead = false;
        await world.clock.advance(5_000);
        expect(world.events).toEqual(["connected 1"]);
      }
    }
  });

  test("is back within 5 s though its connections break one after the other, moments after each began", async () => {
    await using world = await LinkWorld.create();
    for (let connection = 1; connection <= 12; connection++) {
      expect(world.events.at(-1)).toBe(`connected ${connection}`);
      world.gateway.last.out.close();
      await settle();
      await world.clock.advance(5_000);
      await settle();
    }
    expect(Math.max(...world.waits)).toBe(LIMITS.reconnectUnreachedMs);
  });

  test("asks at most once in two seconds and a half, jitter included, while nobody is there for long", async () => {
    await using world = await LinkWorld.create((gateway) => {
      gateway.failure = new ReliantError("unavailable", "nobody is there");
    }, Math.random);
    await world.clock.advance(60_000);
    const before = world.gateway.connections.length;
    await world.clock.advance(3_600_000);
    expect(world.gateway.connections.length - before).toBeLessThan(3_600 / 2.5);
  });

  test("begins with short waits again after a connection that lasted, and not after one that did not", async () => {
    await using world = await LinkWorld.create();
    for (const lastsMs of [0, 0, LIMITS.reconnectMaxMs + 1, 0]) {
      await world.live(lastsMs);
      world.gateway.last.out.close();
      await settle();
      await world.clock.advance(LIMITS.reconnectMaxMs);
      await settle();
    }
    const base = LIMITS.reconnectBaseMs;
    expect(world.waits).toEqual([base, base * 2, base, base * 2]);
  });

  test("gives up an address where nobody gives a sign of life, long before a gateway that takes its time", async () => {
    await using world = await LinkWorld.create((gateway) => {
      gateway.dead = true;
    });
    await world.clock.advance(LIMITS.reachMs - 1);
    expect(world.gateway.last.aborted).toBe(false);
    await world.clock.advance(1);
    expect([world.gateway.last.aborted, world.waits]).toEqual([true, [LIMITS.reconnectBaseMs]]);
  });

  test("gives up a gateway that does not answer its hello", async () => {
    await using world = await LinkWorld.create((gateway) => {
      gateway.silent = true;
    });
    await world.clock.advance(LIMITS.helloMs - 1);
    expect(world.gateway.last.aborted).toBe(false);
    await world.clock.advance(1);
    expect([world.gateway.last.aborted, world.waits.length]).toEqual([true, 1]);
  });

  test("beats every 30 s while idle and every 5 s while a call is open", async () => {
    await using world = await LinkWorld.create();
    await world.live(60_000);
    expect(world.gateway.last.count("heartbeat")).toBe(2);
    world.busy = true;
    await world.live(60_000);
    expect(world.gateway.last.count("heartbeat")).toBe(14);
  });

  test("takes a gateway that is silent for 100 s for dead, and one that is silent for 15 s while a call is open", async () => {
    await using world = await LinkWorld.create();
    await world.clock.advance(LIMITS.deadIdleMs - 1);
    expect(world.events).toEqual(["connected 1"]);
    await world.clock.advance(1);
    expect(world.events[1]).toBe("disconnected: the gateway has fallen silent");
    await world.clock.advance(LIMITS.reconnectBaseMs);
    world.busy = true;
    world.gateway.last.send(HEARTBEAT);
    world.gateway.last.send(ACK);
    await world.clock.advance(LIMITS.deadBusyMs - 1);
    expect(world.events.slice(2)).toEqual(["connected 2"]);
    await world.clock.advance(1);
    expect(world.events.slice(2, 4)).toEqual(["connected 2", "disconnected: the gateway has fallen silent"]);
  });

  test("notices a dead gateway within 20 s though no frame said that a call is open", async () => {
    await using world = await LinkWorld.create();
    await world.live(7_000);
    world.busy = true;
    await world.clock.advance(20_000);
    expect(world.events[1]).toBe("disconnected: the gateway has fallen silent");
  });

  test("does not hold the silence from before a call against the gateway", async () => {
    await using world = await LinkWorld.create();
    await world.clock.advance(LIMITS.deadBusyMs * 2);
    world.busy = true;
    await world.clock.advance(LIMITS.heartbeatBusyMs);
    expect(world.events).toEqual(["connected 1"]);
  });

  test("connects anew at once after this machine has slept", async () => {
    await using world = await LinkWorld.create();
    await world.live(10_000);
    world.clock.closeLidFor(3_600_000);
    await world.clock.advance(LIMITS.heartbeatBusyMs);
    expect(world.events).toEqual(["connected 1", "disconnected: this machine was asleep", "connected 2"]);
    expect(world.waits).toEqual([]);
  });

  test("hands on frames of the newest connection only", async () => {
    await using world = await LinkWorld.create();
    const first = world.gateway.last;
    const ack = create(ConnectResponseSchema, { frame: { case: "ack", value: { toolCallId: "call_1" } } }).frame;
    first.send(create(ConnectResponseSchema, { frame: { case: "drain", value: { withinMs: 1000n } } }).frame);
    first.send(ack);
    await settle();
    expect(world.frames).toEqual(["1.1 ack"]);
    await world.clock.advance(1000);
    expect(world.events).toEqual(["connected 1", "connected 2"]);
    first.send(ack);
    world.gateway.last.send(ack);
    await settle();
    expect(world.frames).toEqual(["1.1 ack", "1.2 ack"]);
    expect(first.closed).toBe(true);
  });

  test("goes elsewhere at once where a gateway that asked it to is gone before its time", async () => {
    await using world = await LinkWorld.create();
    world.gateway.last.send(
      create(ConnectResponseSchema, { frame: { case: "drain", value: { withinMs: 20_000n } } }).frame,
    );
    await settle();
    expect(world.waits).toEqual([10_000]);
    world.gateway.last.out.close();
    await settle();
    await settle();
    expect(world.events).toEqual(["connected 1", "disconnected: the gateway ended the connection", "connected 2"]);
  });

  test("keeps the old connection while no other gateway takes it", async () => {
    await using world = await LinkWorld.create();
    const first = world.gateway.last;
    world.gateway.failure = new ReliantError("unavailable", "nobody is there");
    first.send(create(ConnectResponseSchema, { frame: { case: "drain", value: { withinMs: 1000n } } }).frame);
    await world.clock.advance(2000);
    expect([world.gateway.connections.length > 1, first.closed, first.aborted]).toEqual([true, false, false]);
    expect(world.events).toEqual(["connected 1"]);
  });

  test("says hello at once with the epoch in force, and slower where that never ends", async () => {
    await using world = await LinkWorld.create((gateway) => {
      gateway.silent = true;
    });
    for (let round = 0; round <= LIMITS.helloRetries; round++) {
      expect(world.waits).toEqual([]);
      world.gateway.last.send(
        create(ConnectResponseSchema, {
          frame: { case: "refused", value: { reason: Refused_Reason.EPOCH, currentEpoch: BigInt(7 + round) } },
        }).frame,
      );
      await settle();
      await settle();
    }
    expect(world.waits).toEqual([LIMITS.reconnectBaseMs]);
    expect(world.gateway.last.hello?.lastEpoch).toBe(BigInt(6 + LIMITS.helloRetries));
  });

  test("loses no frame that comes right behind the welcome", async () => {
    const offer = create(ConnectResponseSchema, { frame: { case: "ack", value: { toolCallId: "call_1" } } }).frame;
    await using world = await LinkWorld.create((gateway) => {
      gateway.behindWelcome = offer;
    });
    expect(world.frames).toEqual(["1.1 ack"]);
  });

  test("goes on after a frame that it does not understand", async () => {
    await using world = await LinkWorld.create();
    world.gateway.last.send({ case: undefined });
    world.gateway.last.send(
      create(ConnectResponseSchema, { frame: { case: "grant", value: { toolCallId: "not an id" } } }).frame,
    );
    await settle();
    world.gateway.last.send(ACK);
    await settle();
    expect(world.frames).toEqual(["1.1 ack"]);
    expect([world.session?.unknownFrames, world.unknown]).toEqual([2, 2]);
    expect(world.events).toEqual(["connected 1"]);
  });

  test("ends when it is told to, whatever it does: connected, waiting, or before its welcome", async () => {
    for (const prepare of [
      () => {},
      (gateway: FakeGateway) => {
        gateway.failure = new Error("away");
      },
      (gateway: FakeGateway) => {
        gateway.silent = true;
      },
    ]) {
      await using world = await LinkWorld.create(prepare);
      await world.stop();
      expect(world.outcome).toBe("ended");
    }
  });

  test.each([
    ["is older than it can follow", { minProtocolVersion: 7, maxProtocolVersion: 9 }, "update reliant on this machine"],
    ["is newer than the gateway", { minProtocolVersion: 0, maxProtocolVersion: 0 }, "install the release of reliant"],
  ])("stops for good where it %s, and says what to do", async (_, versions, hint) => {
    await using world = await LinkWorld.create((gateway) => {
      gateway.silent = true;
    });
    const value = { reason: Refused_Reason.PROTOCOL, message: "no version that both speak", ...versions };
    world.gateway.last.send(create(ConnectResponseSchema, { frame: { case: "refused", value } }).frame);
    await settle();
    await settle();
    expect(world.outcome).toMatchObject({ code: "protocol_mismatch", hint: expect.stringContaining(hint) });
    expect(String(world.outcome)).toContain("no version that both speak");
  });

  test("stops for good where the token does not hold", async () => {
    await using world = await LinkWorld.create((gateway) => {
      gateway.failure = new ReliantError("unauthenticated", "no such token");
    });
    expect(world.outcome).toMatchObject({ code: "unauthenticated" });
  });
});
