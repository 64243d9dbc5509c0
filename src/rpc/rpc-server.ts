import { once } from "node:events";
import { createServer as createHttp1Server } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { Code, ConnectError, type ConnectRouter, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import type { Clock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import { createAcceptor } from "./accept.ts";
import { type ConnectRoutes, connectRoutes } from "./connect-handler.ts";
import { Connections } from "./connections.ts";
import { type CorsPolicy, corsAnswer } from "./cors.ts";
import { type Fetch, fetchHandler } from "./fetch-handler.ts";
import { GrpcMessageWriter } from "./grpc-message-writer.ts";
import { GrpcServerStream, type GrpcStreamMethod, isPlainGrpc } from "./grpc-stream.ts";
import { Http2Guard } from "./http2-guard.ts";
import { answerText, headerOf, type NodeHandler, type NodeRequest, type NodeResponse, pathOf } from "./node-request.ts";
import type { TlsMaterial } from "./tls-material.ts";
import { TurnEnd } from "./turn-end.ts";

export interface RpcServerOptions {
  /** What the port is for, in the log. */
  readonly name: string;
  /** 0: one that is free. */
  readonly port: number;
  readonly bindAddress: string;
  /** Undefined: without TLS. */
  readonly tls?: TlsMaterial | undefined;
  /** Services, each spoken to by Connect, gRPC and gRPC-Web. */
  readonly routes?: (router: ConnectRouter) => void;
  /** Methods of these services whose plain gRPC calls are framed by hand; all other calls of them go to the service. */
  readonly streams?: readonly GrpcStreamMethod[];
  /** The first one is the outermost. */
  readonly interceptors?: readonly Interceptor[];
  /** Runs when a call's header is there and before its body is read. */
  readonly gate?: (context: HandlerContext) => Promise<void>;
  /** Whatever is not a service. Without it: 404. */
  readonly fetch?: Fetch;
  /** Without it, no page of another origin may call. */
  readonly cors?: CorsPolicy;
  readonly clock: Clock;
}

export interface RpcServer {
  /** The port that is really listened on. */
  readonly port: number;
  /** Connections that are open now. */
  readonly connections: number;
  /**
   * Stops listening, tells clients to go away, aborts the signals of streams, waits for what is under way, at most
   * `graceMs`, and cuts the rest.
   */
  close(graceMs?: number): Promise<void>;
}

const SWEEP_MS = 1000;

/**
 * Opens one port for HTTP/1.1 and HTTP/2, with TLS or without. Rejects with the system's own error (`EADDRINUSE` and
 * the like, in `code`) where it cannot listen.
 */
export async function openRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { clock } = options;
  const shutdown = new AbortController();
  const connections = new Connections();
  const handle = requestHandler(options, shutdown.signal, connections);
  const http1 = createHttp1Server({ maxHeaderSize: LIMITS.requestHeaderBytes }, handle);
  http1.keepAliveTimeout = LIMITS.connectionIdleMs;
  http1.on("clientError", (error, socket) => {
    const status = "code" in error && error.code === "HPE_HEADER_OVERFLOW" ? "431 Header Too Large" : "400 Bad Request";
    const answer = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
    if (socket.writable) socket.end(answer, () => socket.destroy());
    else socket.destroy();
  });
  const settings = {
    maxConcurrentStreams: LIMITS.streamsPerConnection,
    maxHeaderListSize: LIMITS.requestHeaderBytes,
    enablePush: false,
  };
  const http2 = createHttp2Server({ settings });
  const streams = new HandFramed(options.streams ?? [], connections, clock);
  // Only makes requests and responses of streams: it listens to nothing.
  streams.takeFrom(http2, createHttp2Server({ settings }, handle));
  // One session's trouble is its own: the connection closes and its client sees that.
  http2.on("sessionError", () => undefined);
  const acceptor = createAcceptor(options.tls, clock, {
    http1(socket) {
      connections.add(socket, clock.stamp().monotonicMs);
      http1.emit("connection", socket);
    },
    http2(socket) {
      connections.add(socket, clock.stamp().monotonicMs);
      const guard = new Http2Guard(socket, clock);
      http2.once("session", (session: Http2Session) => {
        guard.attach(session);
        connections.addSession(socket, session, guard);
        follow(session, socket);
      });
      guard.handOver(() => http2.emit("connection", socket));
    },
  });
  await listen(acceptor.server, options);
  if (options.cors?.origins.includes("*") === true && !isLoopback(options.bindAddress)) {
    logger("rpc").warn("pages of every origin may call this port: name those that should with --cors-origins", {
      name: options.name,
      bindAddress: options.bindAddress,
    });
  }
  const stopSweeping = new AbortController();
  const sweeping = sweep(connections, clock, stopSweeping.signal);
  return {
    port: portOf(acceptor.server),
    get connections() {
      return acceptor.sockets.size;
    },
    async close(graceMs = LIMITS.drainMs) {
      acceptor.server.close();
      shutdown.abort(new ConnectError("the server is shutting down", Code.Unavailable));
      streams.close();
      connections.close();
      await drained(acceptor.sockets, clock, graceMs);
      for (const socket of acceptor.sockets) socket.destroy();
      stopSweeping.abort();
      await sweeping;
    },
  };
}

function requestHandler(options: RpcServerOptions, shutdownSignal: AbortSignal, connections: Connections): NodeHandler {
  const { clock } = options;
  const routes: ConnectRoutes | undefined =
    options.routes &&
    connectRoutes(options.routes, {
      interceptors: [...(options.interceptors ?? [])],
      readMaxBytes: LIMITS.requestBodyBytes,
      shutdownSignal,
      ...(options.gate === undefined ? {} : { requestGate: options.gate }),
    });
  const rest = options.fetch === undefined ? notFound : fetchHandler(options.fetch);
  return (request, response) => {
    const end = connections.begin("stream" in request ? connections.socketOf(request.stream.session) : request.socket);
    response.once("close", () => end(clock.stamp().monotonicMs));
    const cors = corsAnswer(options.cors ?? { origins: [] }, {
      method: request.method ?? "GET",
      origin: headerOf(request, "origin"),
      requestedMethod: headerOf(request, "access-control-request-method"),
    });
    for (const [name, value] of Object.entries(cors.headers)) response.setHeader(name, value);
    if (cors.preflight) return answerText(response, 204, "");
    const handler = routes?.find(pathOf(request));
    if (handler === undefined || routes === undefined) {
      connections.expectBody(request, clock.stamp().monotonicMs);
      return rest(request, response);
    }
    const { methodKind } = handler.method;
    if (methodKind === "unary" || methodKind === "server_streaming") {
      connections.expectBody(request, clock.stamp().monotonicMs);
    }
    return routes.serve(handler)(request, response);
  };
}

/** The calls of a port that are framed by hand. */
class HandFramed {
  private readonly methods: ReadonlyMap<string, GrpcStreamMethod>;
  private readonly open = new Set<GrpcServerStream>();
  private readonly shared = { turnEnd: new TurnEnd(), writer: new GrpcMessageWriter() };

  constructor(
    methods: readonly GrpcStreamMethod[],
    private readonly connections: Connections,
    private readonly clock: Clock,
  ) {
    this.methods = new Map(methods.map((method) => [method.path, method]));
  }

  /** Takes the streams that are ours; the others go to `rest`. */
  takeFrom(server: Http2Server, rest: Http2Server): void {
    server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, raw: string[]) => {
      const method = this.methods.get(String(headers[":path"]));
      if (method !== undefined && isPlainGrpc(headers)) this.take(stream, headers, method);
      else rest.emit("stream", stream, headers, flags, raw);
    });
  }

  close(): void {
    for (const call of this.open) call.fail(new ReliantError("unavailable", "the server is shutting down"));
  }

  private take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, method: GrpcStreamMethod): void {
    const socket = this.connections.socketOf(stream.session);
    const end = this.connections.begin(socket);
    const admitted = () => this.connections.know(socket);
    const call = new GrpcServerStream(stream, headers, method, { ...this.shared, clock: this.clock, admitted });
    this.open.add(call);
    stream.once("close", () => {
      this.open.delete(call);
      end(this.clock.stamp().monotonicMs);
    });
  }
}

function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || address.startsWith("127.");
}

function notFound(_request: NodeRequest, response: NodeResponse): void {
  answerText(response, 404, "not found\n");
}

function follow(session: Http2Session, socket: Socket): void {
  session.on("error", () => socket.destroy());
  session.once("close", () => socket.destroySoon());
}

async function listen(server: Server, options: RpcServerOptions): Promise<void> {
  server.listen(options.port, options.bindAddress);
  // `once` rejects with the server's error event.
  await once(server, "listening");
  server.on("error", (error) => {
    logger("rpc").error("a port has failed", { name: options.name, reason: error.message });
  });
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address !== null && typeof address === "object") return address.port;
  throw new ReliantError("internal", "a server that listens has no port");
}

async function sweep(connections: Connections, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    connections.sweep(clock.stamp().monotonicMs);
    // Only the end of the server rejects it, and the loop sees that itself.
    await clock.sleep(SWEEP_MS, signal).catch(() => undefined);
  }
}

/** Resolves when the last connection has closed, or after `graceMs`. */
async function drained(sockets: ReadonlySet<Socket>, clock: Clock, graceMs: number): Promise<void> {
  const over = new AbortController();
  const stopTimer = clock.after(graceMs, () => over.abort());
  try {
    while (sockets.size > 0 && !over.signal.aborted) {
      const [socket] = sockets;
      if (socket === undefined) break;
      await once(socket, "close", { signal: over.signal }).catch(() => undefined);
    }
  } finally {
    stopTimer();
  }
}
