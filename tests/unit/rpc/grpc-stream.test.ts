import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { BoundedQueue } from "../../../src/core/bounded-queue.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import {
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  ToolsDaemonService,
} from "../../../src/gen/reliant/v1/daemon_pb.ts";
import type { RpcServer } from "../../../src/rpc/rpc-server.ts";
import { BOUNDS } from "../../support/bounds.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { frameGrpcMessages, HEARTBEAT, MAX_BYTES, PATH, rawCall, startPeers } from "./grpc-test-peer.ts";

setDefaultTimeout(BOUNDS.readyMs * 2);

let server: RpcServer | undefined;
afterEach(async () => {
  await server?.close(0);
  server = undefined;
});

async function start(...options: Parameters<typeof startPeers>) {
  const started = await startPeers(...options);
  ({ server } = started);
  return started;
}

const heartbeat = () => create(ConnectRequestSchema, { frame: { case: "heartbeat", value: { sequence: 1n } } });

function grpcCall(port: number, options: { readonly timeoutMs?: number; readonly gzip?: boolean } = {}) {
  const transport = createGrpcTransport({
    baseUrl: `http://127.0.0.1:${port}`,
    ...(options.gzip === true ? { sendCompression: compressionGzip, compressMinBytes: 0 } : {}),
  });
  const frames = new BoundedQueue<ConnectRequest>(10_000);
  const timeout = options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs };
  const answers = createClient(ToolsDaemonService, transport).connect(frames, timeout)[Symbol.asyncIterator]();
  return { frames, answers, next: () => answers.next() };
}

async function failureOf(next: Promise<IteratorResult<ConnectResponse>>): Promise<ConnectError> {
  return ConnectError.from(
    await next.then(
      () => new Error("it went well"),
      (error) => error,
    ),
  );
}

describe("a stream that is framed by hand", () => {
  test("is a gRPC call to its client: messages both ways, the end, the status", async () => {
    const { port, peers, served } = await start();
    const call = grpcCall(port);
    for (let turn = 0; turn < 3; turn++) {
      call.frames.push(heartbeat());
      expect((await call.next()).value?.frame.case).toBe("heartbeat");
    }
    call.frames.close();
    expect((await call.next()).done).toBeTrue();
    expect([peers[0]?.isFinished, peers[0]?.taken.length, served()]).toEqual([true, 3, 0]);
  });

  test("says first what it has to say, then the error, with our own code beside", async () => {
    const { port } = await start((peer) => {
      peer.onMessage = () => {
        peer.say(HEARTBEAT, HEARTBEAT);
        peer.end(new ReliantError("daemon_offline", "the machine „Büro“ is 100 % away"));
      };
    });
    const call = grpcCall(port);
    call.frames.push(heartbeat());
    expect((await call.next()).value?.frame.case).toBe("heartbeat");
    expect((await call.next()).value?.frame.case).toBe("heartbeat");
    const error = await failureOf(call.next());
    expect([error.code, error.rawMessage]).toEqual([Code.Unavailable, "the machine „Büro“ is 100 % away"]);
    expect(error.metadata.get("x-reliant-error")).toBe("daemon_offline");
  });

  test("is refused by its status alone, before anything was said", async () => {
    const { port } = await start((peer) => peer.end(new ReliantError("unauthenticated", "no token")));
    expect((await failureOf(grpcCall(port).next())).code).toBe(Code.Unauthenticated);
    expect(await rawCall(port, {}, [])).toMatchObject({ ":status": 200, "grpc-status": "16" });
  });

  test("takes messages however large up to its bound, and refuses one beyond it", async () => {
    const { port, peers } = await start();
    const large = new Uint8Array(MAX_BYTES).fill(7);
    expect(await rawCall(port, {}, [frameGrpcMessages([large])])).toMatchObject({ "grpc-status": "0" });
    expect(peers[0]?.taken[0]?.length).toBe(MAX_BYTES);
    const tooLarge = frameGrpcMessages([new Uint8Array(MAX_BYTES + 1)]);
    expect(await rawCall(port, {}, [tooLarge])).toMatchObject({ "grpc-status": "8" });
    expect(peers[1]?.isGone).toBeTrue();
  });

  test("refuses a compressed message where no compression was agreed, and one that is cut off", async () => {
    const { port } = await start();
    expect(await rawCall(port, {}, [Uint8Array.of(1, 0, 0, 0, 1, 7)])).toMatchObject({ "grpc-status": "13" });
    expect(await rawCall(port, {}, [Uint8Array.of(0, 0, 0, 0, 9, 7)])).toMatchObject({ "grpc-status": "3" });
  });

  test("sends megabytes to a client that reads them, in order", async () => {
    const count = 3000;
    const { port } = await start((peer) => {
      peer.onMessage = () => {
        // `withdraw` with an id of 1,000 characters, the first of which count.
        const ids = Array.from({ length: count }, (_, index) => String(index).padStart(1000, "0"));
        const fields = (id: string) => Buffer.concat([Buffer.of(0x32, 0xeb, 0x07, 0x0a, 0xe8, 0x07), Buffer.from(id)]);
        peer.say(...ids.map(fields));
      };
    });
    const call = grpcCall(port);
    call.frames.push(heartbeat());
    for (let index = 0; index < count; index++) {
      const { frame } = (await call.next()).value ?? {};
      expect(frame?.case === "withdraw" ? Number(frame.value.toolCallId) : frame?.case).toBe(index);
    }
    call.frames.close();
    expect((await call.next()).done).toBeTrue();
  });

  test("stops reading where the next message must wait, and goes on", async () => {
    const { port, peers } = await start((peer) => {
      peer.room = Promise.withResolvers();
    });
    const call = grpcCall(port);
    for (let sent = 0; sent < 5; sent++) call.frames.push(heartbeat());
    expect((await call.next()).value?.frame.case).toBe("heartbeat");
    const [peer] = peers;
    expect(peer?.taken.length).toBe(1);
    const { room } = peer ?? {};
    if (peer !== undefined) peer.room = undefined;
    room?.resolve();
    for (let answer = 1; answer < 5; answer++) expect((await call.next()).done).toBeFalse();
    call.frames.close();
    expect((await call.next()).done).toBeTrue();
  });

  test("tells its peer when the client is gone", async () => {
    const { port, peers } = await start();
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", () => undefined);
    const stream = session.request({ ":method": "POST", ":path": PATH, "content-type": "application/grpc" });
    stream.on("error", () => undefined);
    await eventually("the call", () => peers.length === 1);
    session.destroy();
    await eventually("its end", () => peers[0]?.isGone === true);
  });

  test.each([
    ["keeps its connection however long it is silent", "application/grpc"],
    ["does so too in the service's hands", "application/connect+proto"],
  ])("%s", async (_, contentType) => {
    const clock = new ManualClock();
    const { port, peers, served } = await start(undefined, clock);
    const session = connect(`http://127.0.0.1:${port}`);
    let wentAway = false;
    session.once("goaway", () => {
      wentAway = true;
    });
    const stream = session.request({ ":method": "POST", ":path": PATH, "content-type": contentType });
    stream.resume();
    stream.write(Uint8Array.of(0, 0, 0, 0, 0));
    await eventually("the call", () => peers.length + served() === 1);
    await clock.advance(3 * LIMITS.connectionIdleMs);
    await new Promise((resolve) => session.ping(resolve));
    expect(wentAway).toBeFalse();
    stream.end();
    await new Promise((resolve) => stream.once("close", resolve));
    await eventually("the connection to be ended", async () => {
      await clock.advance(LIMITS.connectionIdleMs);
      return wentAway;
    });
    session.destroy();
    await eventually("the server to see that", () => server?.connections === 0);
    const closed = server?.close(0);
    await clock.advance(1);
    await closed;
    server = undefined;
  });

  test("ends with unavailable when the server closes", async () => {
    const { port, peers } = await start();
    const call = grpcCall(port);
    call.frames.push(heartbeat());
    await call.next();
    const closing = server?.close(2000);
    expect((await failureOf(call.next())).code).toBe(Code.Unavailable);
    await closing;
    expect(peers[0]?.isGone).toBeTrue();
  });
});

describe("a call of the same method goes to the service", () => {
  test.each([
    ["in the Connect protocol", (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "2" })],
    ["in gRPC-Web", (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
  ])("%s", async (_, transport) => {
    const { port, peers, served } = await start();
    const client = createClient(ToolsDaemonService, transport(`http://127.0.0.1:${port}`));
    const frames = new BoundedQueue<ConnectRequest>(4);
    frames.push(heartbeat());
    for await (const answer of client.connect(frames)) {
      expect(answer.frame.case).toBe("heartbeat");
      frames.close();
    }
    expect([peers.length, served()]).toEqual([0, 1]);
  });

  test("with compression, or with a deadline, which it keeps", async () => {
    const { port, peers, served } = await start();
    const compressed = grpcCall(port, { gzip: true });
    compressed.frames.push(heartbeat());
    expect((await compressed.next()).value?.frame.case).toBe("heartbeat");
    compressed.frames.close();
    const hurried = grpcCall(port, { timeoutMs: 300 });
    expect((await failureOf(hurried.next())).code).toBe(Code.DeadlineExceeded);
    expect([peers.length, served()]).toEqual([0, 2]);
  });
});
