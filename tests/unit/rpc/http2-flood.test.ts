import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { systemClock } from "../../../src/core/clock.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import { ProjectService } from "../../../src/gen/reliant/v1/project_pb.ts";
import { openRpcServer, type RpcServer } from "../../../src/rpc/rpc-server.ts";
import { BOUNDS } from "../../support/bounds.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { frameGrpcMessages, PATH, startPeers } from "./grpc-test-peer.ts";
import { frame, PREFACE } from "./http2-frames.ts";
import { testTls } from "./test-tls.ts";

setDefaultTimeout(BOUNDS.readyMs * 2);

const TLS = testTls();
let server: RpcServer;
const sockets: Socket[] = [];

beforeEach(async () => {
  server = await openServer();
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close(0);
});

function openServer(tls?: typeof TLS): Promise<RpcServer> {
  return openRpcServer({
    name: "flooded",
    port: 0,
    bindAddress: "127.0.0.1",
    clock: systemClock,
    tls,
    routes: (router) => router.service(ProjectService, { listProjects: () => ({}) }),
  });
}

/** Sends `piece` again and again until the server ends the connection; answers the bytes that it sent until then. */
function flood(socket: Socket, start: Uint8Array, piece: Uint8Array): Promise<number> {
  sockets.push(socket);
  let sent = 0;
  return new Promise((resolve) => {
    socket.on("error", () => undefined);
    socket.once("close", () => resolve(sent));
    socket.on("data", () => undefined);
    const more = () => {
      if (socket.destroyed) return;
      sent += piece.length;
      if (socket.write(piece)) setImmediate(more);
      else socket.once("drain", more);
    };
    socket.write(start, more);
  });
}

async function secure(port: number): Promise<Socket> {
  const socket = connectTls({ port, host: "127.0.0.1", ca: TLS.cert, ALPNProtocols: ["h2"] });
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  expect(socket.alpnProtocol).toBe("h2");
  return socket;
}

const tcp = () => connectTcp(server.port, "127.0.0.1");
/** A request whose body is still to come: HPACK by RFC 7541, literals that are not indexed. */
function request(stream: number, path = "/reliant.v1.ProjectService/ListProjects"): Buffer {
  const grpc = "application/grpc";
  const literal = (name: readonly number[], value: string) => [...name, value.length, ...Buffer.from(value)];
  const fields = [
    0x83,
    0x86,
    ...literal([0x01], "localhost"),
    ...literal([0x04], path),
    ...literal([0x0f, 0x10], grpc),
  ];
  return frame(1, 0x4, stream, Uint8Array.from(fields));
}

const headersOpen = Buffer.concat([PREFACE, frame(4, 0, 0), frame(1, 0, 1, Uint8Array.of(0x82))]);
const many = (piece: Uint8Array) => Buffer.concat(Array.from({ length: 500 }, () => piece));

const UNKNOWN = frame(0xfa, 0, 0);
/** What fits into the buffers of both systems while the server notices. */
const SOON_BYTES = 4 * 1024 * 1024;

describe("a client that floods loses its connection:", () => {
  test("a header that never ends, in empty CONTINUATION frames", async () => {
    expect(await flood(tcp(), headersOpen, many(frame(9, 0, 1)))).toBeLessThan(SOON_BYTES);
  });

  test("the same through TLS", async () => {
    await server.close(0);
    server = await openServer(TLS);
    expect(await flood(await secure(server.port), headersOpen, many(frame(9, 0, 1)))).toBeLessThan(SOON_BYTES);
  });

  test("a header that never ends, one byte a frame, written byte by byte", async () => {
    expect(await flood(tcp(), headersOpen, frame(9, 0, 1, Uint8Array.of(0x82)))).toBeLessThan(1024 * 1024);
  });

  test("pings", async () => {
    const ping = frame(6, 0, 0, new Uint8Array(8));
    // Each is answered, and the answers give credit back: what counts is that it ends.
    expect(await flood(tcp(), Buffer.concat([PREFACE, frame(4, 0, 0)]), many(ping))).toBeGreaterThan(0);
  });

  test("frames of a type that nobody knows", async () => {
    expect(await flood(tcp(), Buffer.concat([PREFACE, frame(4, 0, 0)]), many(UNKNOWN))).toBeLessThan(SOON_BYTES);
  });
});

describe("a client that is known", () => {
  /** More than a stranger may send at once, fewer than a known client may in a second. */
  const FRAMES = 50_000;

  const MESSAGES = 5000;

  async function known(tls?: typeof TLS) {
    await server.close(0);
    const clock = new ManualClock();
    const { server: ours, port, peers } = await startPeers(undefined, clock, tls);
    server = ours;
    const socket = tls === undefined ? connectTcp(port, "127.0.0.1") : await secure(port);
    socket.on("data", () => undefined);
    sockets.push(socket);
    socket.write(Buffer.concat([PREFACE, frame(4, 0, 0), request(1, PATH)]));
    await eventually("the call to begin", () => peers.length === 1);
    // Connections are looked at each second, and then the reader changes.
    return { socket, taken: () => peers[0]?.taken ?? [], look: () => clock.advance(1000) };
  }

  for (const [name, tls] of [
    ["", undefined],
    [" through TLS", TLS],
  ] as const) {
    test(`may send more frames than a stranger${name}, and loses and mixes nothing when its reader changes`, async () => {
      const { socket, taken, look } = await known(tls);
      const numbered = (n: number) => Uint8Array.of(n & 0xff, n >> 8);
      for (let n = 0; n < MESSAGES; n++) {
        const bytes = frame(0, 0, 1, frameGrpcMessages([numbered(n)]));
        const cut = n % bytes.length;
        socket.write(bytes.subarray(0, cut));
        if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
        if (n === MESSAGES / 2) await look();
        socket.write(bytes.subarray(cut));
      }
      for (let frames = 0; frames < FRAMES; frames += 500) socket.write(many(UNKNOWN));
      socket.write(frame(0, 0, 1, frameGrpcMessages([numbered(MESSAGES)])));
      await eventually("all messages", () => taken().length > MESSAGES);
      expect(taken().every((message, n) => Buffer.from(message).equals(numbered(n)))).toBeTrue();
      expect(socket.destroyed).toBeFalse();
    });

    test(`loses its connection${name} when it floods`, async () => {
      const { socket, look } = await known(tls);
      await look();
      const looking = setInterval(look, 100);
      try {
        expect(await flood(socket, UNKNOWN, many(UNKNOWN))).toBeGreaterThan(LIMITS.framesPerSecond * UNKNOWN.length);
      } finally {
        clearInterval(looking);
      }
    });
  }
});

test("a client that breaks its requests off as fast as they come loses its connection", async () => {
  const socket = tcp();
  sockets.push(socket);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => undefined);
  socket.on("data", () => undefined);
  socket.write(Buffer.concat([PREFACE, frame(4, 0, 0)]));
  const MOST = 10_000;
  let sent = 0;
  for (; !socket.destroyed && sent < MOST; sent++) {
    const stream = 2 * sent + 1;
    socket.write(Buffer.concat([request(stream), frame(3, 0, stream, Uint8Array.of(0, 0, 0, 8))]));
    // So that each comes by itself: what is reset before anybody looked at it costs nothing.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await closed;
  expect(sent).toBeLessThan(MOST);
});

test("other clients are served while one floods", async () => {
  const flooded = flood(tcp(), Buffer.concat([PREFACE, frame(4, 0, 0)]), many(frame(6, 0, 0, new Uint8Array(8))));
  const client = createClient(ProjectService, createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` }));
  expect((await client.listProjects({})).projects).toEqual([]);
  await flooded;
});

test("a connection is forgotten when it has closed", async () => {
  const socket = tcp();
  sockets.push(socket);
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  await eventually("the connection to be counted", () => server.connections === 1);
  socket.destroy();
  await eventually("the connection to be forgotten", () => server.connections === 0);
});
