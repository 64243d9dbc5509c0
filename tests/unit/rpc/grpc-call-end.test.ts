import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect, constants, type IncomingHttpHeaders } from "node:http2";
import { ReliantError } from "../../../src/core/errors.ts";
import { LIMITS } from "../../../src/core/limits.ts";
import type { RpcServer } from "../../../src/rpc/rpc-server.ts";
import { BOUNDS } from "../../support/bounds.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { frameGrpcMessages, HEARTBEAT, MAX_BYTES, PATH, rawCall, startPeers, type TestPeer } from "./grpc-test-peer.ts";

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

/** A call whose client never ends its own side. */
function openCall(port: number, settings: { readonly initialWindowSize?: number } = {}) {
  const session = connect(`http://127.0.0.1:${port}`, { settings });
  session.on("error", () => undefined);
  const stream = session.request({ ":method": "POST", ":path": PATH, "content-type": "application/grpc" });
  const fields: IncomingHttpHeaders = {};
  let closed = false;
  stream.on("response", (some) => Object.assign(fields, some));
  stream.on("trailers", (some) => Object.assign(fields, some));
  stream.on("error", () => undefined);
  stream.once("close", () => {
    closed = true;
  });
  stream.resume();
  const pinged = () => new Promise((resolve) => session.ping(resolve));
  return { session, stream, fields, pinged, isClosed: () => closed };
}

describe("a call that is not admitted", () => {
  test.each([
    ["compressed", Uint8Array.of(1, 0, 0, 0, 1, 7)],
    ["too large", frameGrpcMessages([new Uint8Array(MAX_BYTES + 1)])],
  ])("is refused for what it is, its first message (%s) unread", async (_, body) => {
    const { port, peers } = await start((peer) => {
      peer.admitsAtOnce = false;
    });
    const call = openCall(port);
    call.stream.write(body);
    await eventually("the call", () => peers.length === 1);
    await call.pinged();
    expect([peers[0]?.isGone, peers[0]?.taken.length]).toEqual([false, 0]);
    peers[0]?.end(new ReliantError("unauthenticated", "no token"));
    await eventually("its end", call.isClosed);
    expect(call.fields["grpc-status"]).toBe("16");
    expect(peers[0]?.taken).toEqual([]);
    call.session.destroy();
  });

  test("tells its peer all the same when its client is gone", async () => {
    const { port, peers } = await start((peer) => {
      peer.admitsAtOnce = false;
    });
    for (const leave of ["stream", "session"] as const) {
      const call = openCall(port);
      call.stream.write(frameGrpcMessages([HEARTBEAT]));
      const peer = await eventually("the call", () => (peers.length > 0 ? peers.pop() : undefined));
      await call.pinged();
      if (leave === "stream") call.stream.close(constants.NGHTTP2_CANCEL);
      else call.session.destroy();
      await eventually("its end", () => peer.isGone);
      call.session.destroy();
    }
    await eventually("the server to see that", () => server?.connections === 0);
  });

  test("has lost nothing when it is", async () => {
    const { port, peers } = await start((peer) => {
      peer.admitsAtOnce = false;
    });
    const answered = rawCall(port, {}, [frameGrpcMessages([HEARTBEAT, HEARTBEAT])]);
    const peer = await eventually("the call", () => peers[0]);
    peer.call.admit();
    expect(await answered).toMatchObject({ "grpc-status": "0" });
    expect([peer.taken.length, peer.isFinished]).toEqual([2, true]);
  });
});

describe("a call that has ended", () => {
  test.each([
    ["by its status alone", []],
    ["after some messages", [HEARTBEAT, HEARTBEAT]],
  ])("%s is closed, though its client sends on", async (_, messages) => {
    const { port, peers } = await start();
    const call = openCall(port);
    const peer = await eventually("the call", () => peers[0]);
    if (messages.length > 0) peer.say(...messages);
    peer.end(new ReliantError("unauthenticated", "no token"));
    await eventually("its end", call.isClosed);
    expect([call.fields["grpc-status"], call.stream.rstCode]).toEqual(["16", constants.NGHTTP2_NO_ERROR]);
    call.session.destroy();
  });

  test("is whole to a client that reads slowly and sends on", async () => {
    const { port, peers } = await start();
    const call = openCall(port);
    call.stream.pause();
    let bytes = 0;
    call.stream.on("data", (chunk: Uint8Array) => {
      bytes += chunk.length;
    });
    const peer = await eventually("the call", () => peers[0]);
    peer.say(new Uint8Array(40_000));
    peer.end(new ReliantError("unavailable", "elsewhere"));
    await call.pinged();
    await call.pinged();
    call.stream.resume();
    await eventually("its end", call.isClosed);
    expect([bytes, call.fields["grpc-status"]]).toEqual([40_005, "14"]);
    call.session.destroy();
  });

  test.each([
    ["when it ends", 1000, (peer: TestPeer) => peer.end()],
    ["when its last messages are queued", 200_000, (peer: TestPeer) => peer.call.closing()],
  ])("is reset a while %s, if its client takes nothing", async (_, bytes, finish) => {
    const clock = new ManualClock();
    const { port, peers } = await start(undefined, clock);
    const call = openCall(port, { initialWindowSize: 0 });
    const peer = await eventually("the call", () => peers[0]);
    await call.pinged();
    peer.say(new Uint8Array(bytes));
    await clock.advance(1);
    finish(peer);
    await clock.advance(LIMITS.streamCloseMs - 1);
    await call.pinged();
    expect(call.isClosed()).toBeFalse();
    await clock.advance(1);
    await eventually("its end", call.isClosed);
    expect(call.stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    call.session.destroy();
    const closed = server?.close(0);
    await clock.advance(1);
    await closed;
    server = undefined;
  });

  test("tells an error that is no text, and hides one that nobody expected", async () => {
    const { port } = await start((peer) => {
      peer.onMessage = () => peer.end(new ReliantError("not_found", "no file \ud800"));
    });
    const odd = await rawCall(port, {}, [frameGrpcMessages([HEARTBEAT])]);
    expect([odd["grpc-status"], decodeURIComponent(String(odd["grpc-message"]))]).toEqual(["5", "no file \ufffd"]);
    await server?.close(0);
    const second = await start((peer) => {
      peer.onMessage = () => {
        throw new Error("password of the database");
      };
    });
    const hidden = await rawCall(second.port, {}, [frameGrpcMessages([HEARTBEAT])]);
    expect(hidden["grpc-status"]).toBe("13");
    const message = decodeURIComponent(String(hidden["grpc-message"]));
    expect(message).toMatch(/internal error, see the server's log for inc_/);
    expect(message).not.toContain("password");
    expect(second.peers[0]?.isGone).toBeTrue();
  });
});
