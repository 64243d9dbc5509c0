import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import type { TlsMaterial } from "./tls-material.ts";

export interface Accepted {
  http1(socket: Socket): void;
  http2(socket: Socket): void;
}

/** Every connection of a port, each until it is closed. */
export interface Acceptor {
  readonly server: Server;
  readonly sockets: ReadonlySet<Socket>;
}

/**
 * Takes connections and tells what they speak: with TLS by what was agreed in the handshake (ALPN), without by their
 * first bytes (`PRI` begins HTTP/2 and no HTTP/1.1 method). One that says nothing in time is closed.
 */
export function createAcceptor(tls: TlsMaterial | undefined, clock: Clock, accepted: Accepted): Acceptor {
  const sockets = new Set<Socket>();
  const hold = (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // A reset or a failed handshake: `close` follows, and there is nobody to be told.
    socket.on("error", () => socket.destroy());
  };
  if (tls === undefined) {
    const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
      hold(socket);
      sniff(socket, clock, accepted);
    });
    return { server, sockets };
  }
  const handshakes = new WeakMap<Socket, () => void>();
  const server = createTlsServer(
    {
      cert: tls.cert,
      key: tls.key,
      ALPNProtocols: ["h2", "http/1.1"],
      minVersion: "TLSv1.2",
      noDelay: true,
      keepAlive: true,
    },
    (socket) => {
      handshakes.get(socket)?.();
      if (socket.alpnProtocol === "h2") accepted.http2(socket);
      else accepted.http1(socket);
    },
  );
  // Before the handshake, so that one that does not come is not waited for.
  server.on("connection", (socket: Socket) => {
    hold(socket);
    handshakes.set(socket, endIfSilent(socket, clock));
  });
  server.on("tlsClientError", (_error: Error, socket: TLSSocket) => socket.destroy());
  return { server, sockets };
}

/** The answer says that what was waited for has come. */
function endIfSilent(socket: Socket, clock: Clock): () => void {
  const stopTimer = clock.after(LIMITS.firstBytesMs, () => socket.destroy());
  socket.once("close", stopTimer);
  return () => {
    stopTimer();
    socket.off("close", stopTimer);
  };
}

const HTTP2 = Buffer.from("PRI");

function sniff(socket: Socket, clock: Clock, accepted: Accepted): void {
  let seen: Buffer = Buffer.alloc(0);
  const spoken = endIfSilent(socket, clock);
  const onData = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, HTTP2.length);
    const maybeHttp2 = seen.subarray(0, length).equals(HTTP2.subarray(0, length));
    if (maybeHttp2 && length < HTTP2.length) return;
    spoken();
    socket.off("data", onData);
    socket.pause();
    socket.unshift(seen);
    if (maybeHttp2) accepted.http2(socket);
    else accepted.http1(socket);
    socket.resume();
  };
  socket.on("data", onData);
}
