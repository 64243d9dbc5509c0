import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { Identity } from "../../../src/auth/identity.ts";
import { BoundedQueue } from "../../../src/core/bounded-queue.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { daemonStream } from "../../../src/gateway/daemon-stream.ts";
import type { ToolsDaemonService } from "../../../src/gateway/tools-daemon-service.ts";
import {
  CallResult_Ending,
  type ConnectRequest,
  ConnectRequestSchema,
  ToolsDaemonService as Service,
} from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { openRpcServer, type RpcServer } from "../../../src/rpc/rpc-server.ts";
import { BOUNDS } from "../../support/bounds.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeStore } from "../../support/fake-store.ts";
import type { RequestFrame } from "../../support/frame-connection.ts";
import { gatewayOver, requestOf } from "../../support/gateway-world.ts";

setDefaultTimeout(BOUNDS.readyMs * 2);

const TOKENS: Readonly<Record<string, Identity>> = {
  machine: { userId: "usr_ada", scope: "daemon", tokenId: "tok_1" },
  api: { userId: "usr_ada", scope: "api" },
};
const verifier = {
  verify: async (token: string): Promise<Identity> => {
    const identity = TOKENS[token];
    if (identity === undefined) throw new ReliantError("unauthenticated", "this token is not known");
    return identity;
  },
};

let store: FakeStore;
let service: ToolsDaemonService;
let server: RpcServer;
const sessions: Http2SessionManager[] = [];
beforeEach(async () => {
  store = new FakeStore();
  ({ service } = gatewayOver(store));
  const streams = [daemonStream({ service, verifier })];
  server = await openRpcServer({ name: "test", port: 0, bindAddress: "127.0.0.1", clock: systemClock, streams });
});
afterEach(async () => {
  for (const session of sessions.splice(0)) session.abort();
  await service.close();
  await server.close(0);
});

function open(token: string | undefined) {
  const baseUrl = `http://127.0.0.1:${server.port}`;
  const session = new Http2SessionManager(baseUrl);
  sessions.push(session);
  const frames = new BoundedQueue<ConnectRequest>(1000);
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const client = createClient(Service, createGrpcTransport({ baseUrl, sessionManager: session }));
  const answers = client.connect(frames, { headers })[Symbol.asyncIterator]();
  const send = (frame: RequestFrame) => frames.push(create(ConnectRequestSchema, { frame }));
  const next = async () => {
    const { value } = await answers.next();
    return value?.frame ?? { case: "end" as const };
  };
  return { send, next, leave: () => frames.close(), cut: () => session.abort() };
}

const HELLO = {
  case: "hello",
  value: { daemonId: "dmn_1", instanceId: "ins_1", journalId: "jrn_1", startCount: 1n, protocolVersion: 1 },
} as const;

async function codeOf(next: Promise<unknown>): Promise<Code | undefined> {
  const error = await next.then(
    () => undefined,
    (thrown) => thrown,
  );
  return error === undefined ? undefined : ConnectError.from(error).code;
}

describe("a daemon over plain gRPC", () => {
  test("is welcome, takes a call, tells its result, and leaves", async () => {
    const daemon = open("machine");
    daemon.send(HELLO);
    expect(await daemon.next()).toMatchObject({ case: "welcome", value: { daemonId: "dmn_1", epoch: 1n } });
    const call = store.request("usr_ada");
    await store.toolCalls.dispatch({ toolCallId: call.id, daemonId: "dmn_1", timeoutMs: 1, deadlineAtMs: 1 });
    const address = { userId: "usr_ada", daemonId: "dmn_1", epoch: 1 };
    expect(service.offer(address, requestOf(call, "dmn_1"))).toBe("accepted");
    expect(await daemon.next()).toMatchObject({ case: "offer", value: { toolCallId: call.id } });
    const about = { toolCallId: call.id, journalId: "jrn_1" };
    daemon.send({ case: "ready", value: { ...about, stamp: { wallMs: 7n, monotonicMs: 8n } } });
    expect(await daemon.next()).toMatchObject({ case: "grant", value: { stamp: { wallMs: 7n } } });
    const result = { text: "done" };
    daemon.send({ case: "result", value: { ...about, ending: CallResult_Ending.FINISHED, result } });
    expect(await daemon.next()).toMatchObject({ case: "ack", value: { toolCallId: call.id } });
    expect(store.state(call.id)).toBe("succeeded");
    daemon.leave();
    expect(await daemon.next()).toEqual({ case: "end" });
    await eventually("its end", () => service.stats().daemons === 0);
  });

  test.each([
    ["no token", undefined, Code.Unauthenticated],
    ["a token that is not known", "stolen", Code.Unauthenticated],
    ["a token of the API", "api", Code.PermissionDenied],
  ])("is refused with %s", async (_, token, code) => {
    const daemon = open(token);
    daemon.send(HELLO);
    expect(await codeOf(daemon.next())).toBe(code);
  });

  test("is refused for its token, whatever its first frame is", async () => {
    for (const body of [Uint8Array.of(0, 0, 0, 0, 2, 0xff, 0xff), Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff)]) {
      const asked = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<Identity>();
      const slow = {
        verify: () => {
          asked.resolve();
          return answer.promise;
        },
      };
      const streams = [daemonStream({ service, verifier: slow })];
      const other = await openRpcServer({
        ...{ name: "test", port: 0, bindAddress: "127.0.0.1", clock: systemClock, streams },
      });
      const session = connect(`http://127.0.0.1:${other.port}`);
      const path = `/${Service.typeName}/${Service.method.connect.name}`;
      const fields = { ":method": "POST", ":path": path, "content-type": "application/grpc" };
      const stream = session.request({ ...fields, authorization: "Bearer stolen" });
      const answered = new Promise<IncomingHttpHeaders>((resolve) => stream.once("response", resolve));
      stream.resume();
      stream.write(body);
      await asked.promise;
      await new Promise((resolve) => session.ping(resolve));
      answer.reject(new ReliantError("unauthenticated", "this token is not known"));
      expect(await answered).toMatchObject({ "grpc-status": String(Code.Unauthenticated) });
      session.destroy();
      await other.close(0);
    }
  });

  test("is refused with a hello beyond its bound", async () => {
    const daemon = open("machine");
    const name = "x".repeat(LIMITS.helloBytes);
    daemon.send({ ...HELLO, value: { ...HELLO.value, name } });
    expect(await codeOf(daemon.next())).toBe(Code.ResourceExhausted);
  });

  test("is refused with a first frame that is no hello, and with one that breaks a rule of the proto file", async () => {
    const early = open("machine");
    early.send({ case: "heartbeat", value: {} });
    expect(await codeOf(early.next())).toBe(Code.InvalidArgument);
    const wrong = open("machine");
    wrong.send({ case: "hello", value: { instanceId: "a.b", journalId: "jrn_1", startCount: 1n, protocolVersion: 1 } });
    expect(await codeOf(wrong.next())).toBe(Code.InvalidArgument);
  });

  test("is forgotten when its connection breaks", async () => {
    const daemon = open("machine");
    daemon.send(HELLO);
    await daemon.next();
    expect(service.stats().daemons).toBe(1);
    daemon.cut();
    await eventually("its end", () => service.stats().daemons === 0 && store.rows.get("dmn_1")?.connected === false);
  });

  test("is told that the gateway stops", async () => {
    const daemon = open("machine");
    daemon.send(HELLO);
    await daemon.next();
    const ended = codeOf(daemon.next());
    await service.close();
    expect(await ended).toBe(Code.Unavailable);
  });
});

/** A daemon whose stream is nobody's: it says hello, and reads nothing. */
async function unreading() {
  const call = {
    header: () => "Bearer machine",
    admit: () => undefined,
    ready: () => undefined,
    closing: () => undefined,
    cut: () => undefined,
  };
  const admitted = new Promise<void>((resolve) => {
    call.admit = () => void resolve();
  });
  const peer = daemonStream({ service, verifier }).open(call);
  await admitted;
  void peer.take(toBinary(ConnectRequestSchema, create(ConnectRequestSchema, { frame: HELLO })));
  const address = { userId: "usr_ada", daemonId: "dmn_1", epoch: 1 };
  await eventually("its welcome", () => service.isOnline(address));
  return { peer, address };
}

describe("a daemon that does not read", () => {
  test("is offered no more than so many bytes, not characters", async () => {
    const { peer, address } = await unreading();
    const inputJson = JSON.stringify("€".repeat(LIMITS.outboundBytes / 8));
    const offered = ["a", "b", "c"].map((name) => {
      const call = store.request("usr_ada");
      return service.offer(address, requestOf(call, "dmn_1", { toolCallId: `call_${name}`, inputJson }));
    });
    expect(offered).toEqual(["accepted", "accepted", "busy"]);
    peer.gone();
  });

  test("has ended for all others when it has, and its frames are not even decoded", async () => {
    const { peer, address } = await unreading();
    const told: string[] = [];
    service.onLeft((_, toolCallId) => {
      told.push(toolCallId);
      throw new Error("a listener's own trouble");
    });
    const calls = [store.request("usr_ada"), store.request("usr_ada")];
    for (const call of calls) expect(service.offer(address, requestOf(call, "dmn_1"))).toBe("accepted");
    peer.finished();
    await eventually("its end", () => service.stats().daemons === 0);
    expect(told).toEqual(calls.map((call) => call.id));
    expect(peer.take(Uint8Array.of(0xff, 0xff))).toBeUndefined();
  });
});
