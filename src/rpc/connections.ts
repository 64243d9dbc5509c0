import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";
import { LIMITS } from "../core/limits.ts";
import type { Http2Guard } from "./http2-guard.ts";
import type { NodeRequest } from "./node-request.ts";

interface Connection {
  /** Both set for HTTP/2, which is told to go away; HTTP/1.1 is just ended. */
  session?: Http2Session;
  guard?: Http2Guard;
  open: number;
  /** When the connection began, or its last request ended. */
  restsSinceMs: number;
  hadRequest: boolean;
}

/** The connections of one port: which are idle, whose request is not coming, and who is still at work when it closes. */
export class Connections {
  private readonly bySocket = new Map<Socket, Connection>();
  private readonly bySession = new WeakMap<Http2Session, Socket>();
  private readonly bodies = new Map<NodeRequest, number>();
  private closing = false;

  add(socket: Socket, nowMs: number): void {
    this.bySocket.set(socket, { open: 0, restsSinceMs: nowMs, hadRequest: false });
    socket.once("close", () => this.bySocket.delete(socket));
  }

  addSession(socket: Socket, session: Http2Session, guard: Http2Guard): void {
    const connection = this.bySocket.get(socket);
    if (connection !== undefined) {
      connection.session = session;
      connection.guard = guard;
    }
    this.bySession.set(session, socket);
  }

  /** The socket of a session: its own `socket` is a stand-in, under which nobody knows the connection. */
  socketOf(session: Http2Session | undefined): Socket | undefined {
    return session === undefined ? undefined : this.bySession.get(session);
  }

  /** Whose connection this is has been checked. */
  know(socket: Socket | undefined): void {
    if (socket !== undefined) this.bySocket.get(socket)?.guard?.know();
  }

  /** The answer is called when the request has been answered. */
  begin(socket: Socket | undefined): (nowMs: number) => void {
    const connection = socket === undefined ? undefined : this.bySocket.get(socket);
    if (socket === undefined || connection === undefined) return () => undefined;
    connection.open++;
    connection.hadRequest = true;
    return (nowMs) => {
      connection.open--;
      connection.restsSinceMs = nowMs;
      if (this.closing && connection.open === 0) leave(socket, connection);
    };
  }

  /** The body of this request, which is no stream, is to come in time. */
  expectBody(request: NodeRequest, nowMs: number): void {
    this.bodies.set(request, nowMs);
    const forget = () => this.bodies.delete(request);
    request.once("end", forget);
    request.once("close", forget);
  }

  /** Ends what has been silent for too long, and what floods. */
  sweep(nowMs: number): void {
    for (const [socket, connection] of this.bySocket) {
      connection.guard?.look(nowMs);
      if (connection.open > 0) continue;
      const waits = connection.session === undefined && !connection.hadRequest;
      const limitMs = waits ? LIMITS.requestHeaderMs : LIMITS.connectionIdleMs;
      if (nowMs - connection.restsSinceMs > limitMs) leave(socket, connection);
    }
    for (const [request, sinceMs] of this.bodies) {
      if (nowMs - sinceMs > LIMITS.requestBodyMs) request.destroy(new Error("the body did not come in time"));
    }
  }

  /** No new requests: HTTP/2 clients are told, idle connections end now, the others with their last answer. */
  close(): void {
    this.closing = true;
    for (const [socket, connection] of this.bySocket) {
      if (connection.open === 0) leave(socket, connection);
      else connection.session?.close();
    }
  }
}

/** HTTP/2 says goodbye, and its socket closes with the session; HTTP/1.1 just ends once all is written. */
function leave(socket: Socket, connection: Connection): void {
  if (connection.session === undefined) socket.destroySoon();
  else connection.session.close();
}
