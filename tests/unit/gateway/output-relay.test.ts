import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { LIMITS } from "../../../src/core/limits.ts";
import { logger } from "../../../src/core/logger.ts";
import { OutputRelay } from "../../../src/gateway/output-relay.ts";
import type { ToolsDaemonService } from "../../../src/gateway/tools-daemon-service.ts";
import { Output_Channel, OutputSchema } from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { eventually } from "../../support/eventually.ts";
import type { FakeStore } from "../../support/fake-store.ts";
import type { FrameDaemon } from "../../support/frame-daemon.ts";
import { GatewayWorld } from "../../support/gateway-world.ts";
import { settle } from "../../support/manual-clock.ts";

let world: GatewayWorld;
let store: FakeStore;
let service: ToolsDaemonService;

beforeEach(() => {
  world = new GatewayWorld();
  ({ store, service } = world);
});
afterEach(() => world.close());

describe("live output", () => {
  const output = (toolCallId: string, offset: number, data: Uint8Array) =>
    ({
      case: "output",
      value: { toolCallId, channel: Output_Channel.STDERR, offset: BigInt(offset), data },
    }) as const;

  async function running(daemon: FrameDaemon) {
    daemon.knobs.holdResults = true;
    const call = await world.offered(daemon);
    await eventually("the start", () => store.state(call.id) === "running");
    return call;
  }

  test("is world.published and stored as it comes, and its credit is given back", async () => {
    const daemon = world.daemon();
    const connection = await daemon.connect(service);
    const call = await running(daemon);
    daemon.send(output(call.id, 0, Buffer.from("hello ")));
    daemon.send(output(call.id, 6, Buffer.from("world")));
    expect((await connection.awaitFrame("outputCredit")).bytes).toBe(11n);
    const chunk = { chatId: call.chatId, toolCallId: call.id, channel: "stderr", gapBytes: 0 } as const;
    expect(world.published).toEqual([
      { kind: "tool_output", userId: "usr_ada", chunk: { ...chunk, offset: 0, data: "aGVsbG8g" } },
      { kind: "tool_output", userId: "usr_ada", chunk: { ...chunk, offset: 6, data: "d29ybGQ=" } },
    ]);
    expect(store.savedOutput.at(-1)).toMatchObject({ offset: 6 });
  });

  test("beyond the credit is dropped, and told as a gap", async () => {
    const daemon = world.daemon();
    const connection = await daemon.connect(service);
    const call = await running(daemon);
    const chunk = new Uint8Array(LIMITS.outputChunkBytes);
    const fitting = LIMITS.outputCreditBytes / chunk.length;
    for (let index = 0; index <= fitting; index++) daemon.send(output(call.id, index * chunk.length, chunk));
    expect((await connection.awaitFrame("outputCredit")).bytes).toBe(BigInt(LIMITS.outputCreditBytes));
    expect(world.published.length).toBe(fitting);
    daemon.send(output(call.id, (fitting + 1) * chunk.length, chunk));
    const last = await eventually("the chunk after the gap", () => world.published[fitting]);
    expect(last).toMatchObject({ chunk: { gapBytes: chunk.length } });
  });

  test("of a call that another gateway offered finds its chat; of somebody else's call nothing is told", async () => {
    const daemon = world.daemon();
    await daemon.connect(service);
    const facts = { state: "running", journalId: daemon.journalId } as const;
    const hers = store.request("usr_ada", { ...facts, daemonId: daemon.daemonId });
    const his = store.request("usr_bob", { ...facts, daemonId: "dmn_bob" });
    let offset = 0;
    await eventually("live output", () => {
      daemon.send(output(his.id, offset, Buffer.from("x")));
      daemon.send(output(hers.id, offset, Buffer.from("x")));
      offset += 1;
      return world.published.length > 2;
    });
    const chats = new Set(
      world.published.flatMap((event) => (event.kind === "tool_output" ? [event.chunk.chatId] : [])),
    );
    expect([...chats]).toEqual([hers.chatId]);
  });

  test("of calls that nobody offered asks the store for few of them at once, whatever a daemon sends", async () => {
    const gate = Promise.withResolvers<undefined>();
    let asked = 0;
    const find = () => {
      asked += 1;
      return gate.promise;
    };
    const link = { address: { userId: "usr_ada", daemonId: "dmn_1", epoch: 1 }, isEnded: false, isLeaving: false };
    const silent = {
      ...{ send: () => undefined, sendControl: () => undefined, sendLater: () => undefined, end: () => undefined },
    };
    const relay = new OutputRelay(
      {
        toolCalls: { find },
        updates: { saveLiveOutput: () => undefined },
        hub: { publish: () => undefined },
        log: logger("test"),
      },
      { ...link, ...silent },
    );
    const send = (index: number) => relay.take(create(OutputSchema, { toolCallId: `call_${index}` }), undefined);
    for (let index = 0; index < 500; index++) send(index);
    expect(asked).toBe(LIMITS.outputLookups);
    gate.resolve(undefined);
    await settle();
    send(500);
    expect(asked).toBe(LIMITS.outputLookups + 1);
  });
});
