import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { LIMITS } from "../../../src/core/limits.ts";
import { ProjectService } from "../../../src/gen/reliant/v1/project_pb.ts";
import { openRpcServer, type RpcServer } from "../../../src/rpc/rpc-server.ts";
import { BOUNDS } from "../../support/bounds.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { frame, PREFACE } from "./http2-frames.ts";
import { testTls } from "./test-tls.ts";

setDefaultTimeout(BOUNDS.readyMs * 2);

const clock = new ManualClock();
let server: RpcServer | undefined;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  const closed = server?.close(0);
  await clock.advance(1);
  await closed;
});

/** A client that has sent `first` and nothing more. `text` is what it was answered, `ended` whether the server ended it. */
async function clientOf(first: string | Uint8Array, tls = false) {
  server = await openRpcServer({
    name: "waiting",
    port: 0,
    bindAddress: "127.0.0.1",
    clock,
    tls: tls ? testTls() : undefined,
    routes: (router) => router.service(ProjectService, { listProjects: () => ({}) }),
    fetch: async (request) => new Response(`${(await request.text()).length} bytes`),
  });
  const client = { socket: connect(server.port, "127.0.0.1"), text: "", ended: false };
  sockets.push(client.socket);
  client.socket.on("error", () => undefined);
  client.socket.on("data", (chunk) => {
    client.text += chunk.toString("latin1");
  });
  client.socket.once("close", () => {
    client.ended = true;
  });
  if (first.length > 0) client.socket.write(first);
  await eventually("the connection to be taken", () => server?.connections === 1);
  return client;
}

/** Passes the time, first nearly all of `ms` and then the rest: the server must keep the connection so long, and no longer. */
async function endsAfter(client: { readonly ended: boolean }, ms: number) {
  await clock.advance(ms - 1000);
  expect(server?.connections).toBe(1);
  await clock.advance(4000);
  await eventually("the server to end the connection", () => client.ended);
}

test("a client that says nothing is not waited for", async () => {
  await endsAfter(await clientOf(""), LIMITS.firstBytesMs);
});

test("nor one that begins a method and stops", async () => {
  await endsAfter(await clientOf("P"), LIMITS.firstBytesMs);
});

test("nor one whose TLS handshake does not come", async () => {
  await endsAfter(await clientOf("", true), LIMITS.firstBytesMs);
});

test("nor one whose header does not end", async () => {
  await endsAfter(await clientOf("GET / HTTP/1.1\r\nhost: a\r\nx"), LIMITS.requestHeaderMs);
});

test("nor one whose body does not come, in a route or in a service", async () => {
  const head = (path: string, type: string) =>
    `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\ncontent-length: 100\r\n\r\nhalf`;
  const route = await clientOf(head("/", "text/plain"));
  await endsAfter(route, LIMITS.requestBodyMs);
  await server?.close(0);
  const service = await clientOf(head("/reliant.v1.ProjectService/ListProjects", "application/json"));
  await endsAfter(service, LIMITS.requestBodyMs);
});

test("an HTTP/2 connection without a request is ended", async () => {
  const client = await clientOf(Buffer.concat([PREFACE, frame(4, 0, 0)]));
  await eventually("the session's settings", () => client.text.length > 0);
  await endsAfter(client, LIMITS.connectionIdleMs);
});

test("an HTTP/1.1 connection rests between two requests, for a while", async () => {
  const client = await clientOf("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nok");
  await eventually("the answer", () => client.text.includes("2 bytes"));
  await clock.advance(LIMITS.requestHeaderMs + 5000);
  client.socket.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nok!");
  await eventually("the second answer", () => client.text.includes("3 bytes"));
});

test("a header that is too large, and what is no HTTP, are refused", async () => {
  const client = await clientOf("");
  client.socket.write(`GET / HTTP/1.1\r\nhost: a\r\nx: ${"x".repeat(LIMITS.requestHeaderBytes)}\r\n\r\n`);
  await eventually("the connection to end", () => client.ended);
  expect(client.text).toStartWith("HTTP/1.1 431");
  await server?.close(0);
  const stranger = await clientOf("");
  stranger.socket.write("SSH-2.0-OpenSSH_9.9\r\n\r\n");
  await eventually("the connection to end", () => stranger.ended);
  expect(stranger.text).toStartWith("HTTP/1.1 400");
});
