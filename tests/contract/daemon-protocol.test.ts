import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary } from "@bufbuild/protobuf";
import { CallResult_Ending, ConnectRequestSchema, ConnectResponseSchema } from "../../src/gen/reliant/v1/daemon_pb.ts";
import { OUR_PROTOCOL } from "../../src/routing/daemon-protocol.ts";
import { eventually } from "../support/eventually.ts";
import { FrameConnection } from "../support/frame-connection.ts";
import { addressOf, GatewayWorld, gatewayOver, requestOf } from "../support/gateway-world.ts";
import { decodeFrames, type RecordedFrame } from "../support/recorded-frames.ts";
import { DaemonWorld } from "../unit/daemon/daemon-world.ts";
import { emptyFrame, frameOfNewKind, withNewField } from "./fixtures/raw-frames.ts";

setDefaultTimeout(60_000);

const FOLDER = join(import.meta.dir, "fixtures");
const VERSIONS = readdirSync(FOLDER)
  .flatMap((file) => /^daemon-protocol-(\d+)\.frames$/.exec(file)?.[1] ?? [])
  .map(Number)
  .sort((a, b) => a - b);

async function recorded(version: number): Promise<RecordedFrame[]> {
  return decodeFrames(await Bun.file(join(FOLDER, `daemon-protocol-${version}.frames`)).bytes());
}

/** A value that no enum of the frames has. */
const UNKNOWN_ENUM: number = 99;

const requestFrame = (frame: RecordedFrame) => fromBinary(ConnectRequestSchema, frame.bytes).frame;
const responseFrame = (frame: RecordedFrame) => fromBinary(ConnectResponseSchema, frame.bytes).frame;

test("there is a recording of each version that this release speaks", () => {
  const spoken = Array.from({ length: OUR_PROTOCOL.max - OUR_PROTOCOL.min + 1 }, (_, index) => index + 1);
  expect(VERSIONS).toEqual(expect.arrayContaining(spoken.map((index) => index + OUR_PROTOCOL.min - 1)));
});

describe.each(VERSIONS)("a daemon that speaks version %d, frame by frame as it was recorded", (version) => {
  test("is welcome at today's gateway, runs its calls, is cancelled, and is asked to leave", async () => {
    const world = new GatewayWorld();
    const beats = { heartbeatBusyMs: 20, heartbeatIdleMs: 20 };
    const { service } = gatewayOver(world.store, { times: beats });
    const frames = await recorded(version);
    const connection = new FrameConnection(service, { userId: "usr_ada" });
    const seen = new Map<string, number>();
    let daemonId = "";
    const address = () => ({ userId: "usr_ada", daemonId, epoch: 1 });
    for (const frame of frames) {
      if (frame.from === "daemon") {
        const said = requestFrame(frame);
        if (said.case === undefined) throw new Error("the recording holds a frame that today's schema does not know");
        // The recorded user is one of another installation.
        connection.send(said.case === "hello" ? { case: said.case, value: { ...said.value, userId: "" } } : said);
        continue;
      }
      const expected = responseFrame(frame);
      if (expected.case === undefined) throw new Error("the recording holds a frame that today's schema does not know");
      if (expected.case === "command") {
        const signal = AbortSignal.timeout(5_000);
        service.command(address(), { kind: "load_config" }, signal).catch(() => undefined);
      }
      if (expected.case === "offer") {
        const call = world.store.request("usr_ada", { id: expected.value.toolCallId });
        const times = { timeoutMs: 60_000, deadlineAtMs: Date.now() + 120_000 };
        await world.store.toolCalls.dispatch({ toolCallId: call.id, daemonId, ...times });
        expect(service.offer(address(), requestOf(call, daemonId))).toBe("accepted");
      }
      if (expected.case === "cancel") service.cancel(address(), expected.value.toolCallId, expected.value.kill);
      if (expected.case === "drain") void service.drain(5_000);
      const count = (seen.get(expected.case) ?? 0) + 1;
      seen.set(expected.case, count);
      const said = await connection.awaitFrame(expected.case, count);
      if (expected.case === "welcome") daemonId = connection.all("welcome")[0]?.daemonId ?? "";
      // What an old daemon goes by is said in the same words.
      if (expected.case === "grant" || expected.case === "ack") expect(said).toEqual(expected.value);
    }
    expect(connection.all("welcome")[0]?.protocolVersion).toBe(version);
    const [ran, slow] = [...world.store.calls.values()];
    expect([ran?.state, slow?.state]).toEqual(["succeeded", "cancelled"]);
    expect(ran?.result?.text).toContain("hello\nbye");
    expect(service.stats().unknownFrames).toBe(0);
    connection.break();
    await service.close();
    await world.close();
  });
});

describe.each(VERSIONS)("a gateway that speaks version %d, frame by frame as it was recorded", (version) => {
  test("finds in today's daemon one that does as it is told", async () => {
    await using world = await DaemonWorld.create();
    await world.daemon.start();
    const connection = await world.gateway.connection(0);
    expect(connection.hello.minProtocolVersion).toBeLessThanOrEqual(version);
    const seen = new Map<string, number>();
    const output = () => Buffer.concat(connection.all("output").map(({ data }) => data));
    let outputBytes = 0;
    for (const frame of await recorded(version)) {
      if (frame.from === "daemon") {
        const said = requestFrame(frame);
        const { case: kind } = said;
        if (kind === undefined) throw new Error("the recording holds a frame that today's schema does not know");
        if (kind === "hello") continue;
        if (kind === "output") {
          // Cut into chunks as it may be: the bytes count.
          outputBytes += said.value.data.length;
          await eventually(`${outputBytes} bytes of output`, () => output().length >= outputBytes, {
            timeoutMs: 15_000,
          });
          continue;
        }
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        const count = seen.get(kind) ?? 0;
        // Repeats are the protocol's own: of readies and results those of one call count once.
        const ids = () =>
          new Set(connection.all(kind).map((value) => ("toolCallId" in value ? value.toolCallId : value)));
        await eventually(`${kind} ${count}`, () => ids().size >= count, { timeoutMs: 15_000 });
        continue;
      }
      const said = responseFrame(frame);
      if (said.case === "offer" && said.value.invocation !== undefined) said.value.invocation.roots = [world.project];
      if (said.case === "grant") {
        const { toolCallId } = said.value;
        const ready = await connection.next("ready", (value) => value.toolCallId === toolCallId);
        // A gateway repeats the stamp of the ready that it answers.
        if (ready.stamp !== undefined) said.value.stamp = ready.stamp;
      }
      connection.send(said);
    }
    const results = new Map(connection.all("result").map((result) => [result.toolCallId, result]));
    expect([...results.values()].map(({ ending }) => ending)).toEqual([
      CallResult_Ending.FINISHED,
      CallResult_Ending.CANCELLED,
    ]);
    expect([...results.values()][0]?.result?.text).toContain("hello\nbye");
    expect(output().toString()).toBe("hello\nbye\nbegun\n");
    expect(connection.all("commandResult").map(({ ok }) => ok)).toEqual([true]);
    // The recording ends with the gateway's drain: the daemon goes elsewhere, and leaves it only then.
    const next = await world.gateway.connection(1);
    expect(connection.ended).toBe(false);
    next.welcome(2);
    await eventually("the daemon to leave the old connection", () => connection.ended);
  });
});

describe("a daemon of a later release, at today's gateway", () => {
  let world: GatewayWorld;
  beforeEach(() => {
    world = new GatewayWorld();
  });
  afterEach(() => world.close());

  test("is welcome with the newest version that both speak, and capabilities that are not known are passed over", async () => {
    const daemon = world.daemon();
    const connection = new FrameConnection(world.service, { userId: "usr_ada" });
    const newer = { protocolVersion: OUR_PROTOCOL.max + 1, minProtocolVersion: OUR_PROTOCOL.max };
    connection.send(daemon.hello({ ...newer, capabilities: ["thinks-ahead", "tool:telepathy"] }));
    const welcome = await connection.awaitFrame("welcome");
    expect(welcome.protocolVersion).toBe(OUR_PROTOCOL.max);
    expect(welcome.capabilities).toContain("drain");
    connection.break();
  });

  test("may send frames of new kinds, and new fields: they are counted, and its calls go on", async () => {
    const daemon = world.daemon();
    const connection = await daemon.connect(world.service);
    for (let sent = 0; sent < 5; sent++) connection.sendMessage(frameOfNewKind(ConnectRequestSchema));
    connection.sendMessage(emptyFrame(ConnectRequestSchema));
    const call = await world.offered(daemon);
    const heartbeat = { frame: { case: "heartbeat", value: { sequence: 1n } } } as const;
    connection.sendMessage(withNewField(ConnectRequestSchema, create(ConnectRequestSchema, heartbeat)));
    await eventually("the outcome", () => world.store.state(call.id) === "succeeded");
    expect(connection.isEnded).toBe(false);
    expect(world.service.stats().unknownFrames).toBe(6);
  });

  test("may end a call in a way that is not known here: nobody can say how it ended", async () => {
    const daemon = world.daemon();
    daemon.knobs.holdResults = true;
    const connection = await daemon.connect(world.service);
    const call = await world.offered(daemon);
    await eventually("the start", () => daemon.starts.length === 1);
    const { journalId } = daemon;
    connection.send({ case: "result", value: { toolCallId: call.id, journalId, ending: UNKNOWN_ENUM } });
    await connection.awaitFrame("ack");
    expect(world.store.state(call.id)).toBe("unknown");
    expect(connection.isEnded).toBe(false);
    expect(world.service.isOnline(addressOf(daemon))).toBe(true);
  });
});

describe("a gateway of a later release, before today's daemon", () => {
  test("may send frames of new kinds, new fields and names that are not known: calls go on", async () => {
    await using world = await DaemonWorld.create();
    await world.daemon.start();
    const connection = await world.gateway.connection(0);
    const names = { gatewayId: "gtw_new", userId: "usr_1", daemonId: "dmn_1" };
    const versions = { protocolVersion: 1, capabilities: ["reads-minds"] };
    connection.send({ case: "welcome", value: { ...names, ...versions, epoch: 1n } });
    connection.sendMessage(frameOfNewKind(ConnectResponseSchema));
    connection.sendMessage(emptyFrame(ConnectResponseSchema));
    const invocation = {
      toolName: "shell",
      inputJson: '{"command":"echo on"}',
      roots: [world.project],
      timeoutMs: 9_000n,
    };
    const offer = { frame: { case: "offer", value: { toolCallId: "call_1", invocation } } } as const;
    connection.sendMessage(withNewField(ConnectResponseSchema, create(ConnectResponseSchema, offer)));
    await world.grant(connection, "call_1");
    expect((await connection.next("result")).result?.text).toContain("on");
    expect(connection.ended).toBe(false);
  });

  test("is answered at once where its command is not known", async () => {
    await using world = await DaemonWorld.create();
    const connection = await world.start();
    connection.send({ case: "command", value: { commandId: "cmd_1", command: { case: undefined } } });
    const answer = await connection.next("commandResult");
    expect([answer.commandId, answer.ok]).toEqual(["cmd_1", false]);
    expect(answer.message).toContain("update it");
  });

  test("that refuses it for a reason that is not known is asked again", async () => {
    await using world = await DaemonWorld.create();
    await world.daemon.start();
    const connection = await world.gateway.connection(0);
    connection.send({ case: "refused", value: { reason: UNKNOWN_ENUM, message: "Mercury is in retrograde" } });
    const again = await world.gateway.connection(1);
    again.welcome(1);
    await eventually("the daemon to be connected", () => world.state?.link.kind === "connected");
  });
});
