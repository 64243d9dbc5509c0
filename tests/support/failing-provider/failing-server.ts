import { createServer, type Server, type Socket } from "node:net";
import type { Reply } from "./failing-wire.ts";

/** A request that came. */
export interface Asked {
  readonly path: string;
  readonly body: string;
  readonly atMs: number;
}

/**
 * A provider over bare TCP, so that it can fail below HTTP: one request a connection. `choose` says what each request
 * gets.
 */
export class FailingServer implements AsyncDisposable {
  readonly requests: Asked[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(choose: (asked: Asked) => Reply, port = 0): Promise<FailingServer> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("start failing provider: no port");
    const started = new FailingServer(server, address.port);
    server.on("connection", (socket: Socket) => started.serve(socket, choose));
    return started;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resets every connection that stands now. */
  resetAll(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private serve(socket: Socket, choose: (asked: Asked) => Reply): void {
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    let come = Buffer.alloc(0);
    socket.on("data", (piece: Buffer) => {
      come = Buffer.concat([come, piece]);
      const request = wholeRequest(come);
      if (request === undefined) return;
      come = Buffer.alloc(0);
      const asked = { ...request, atMs: Date.now() };
      this.requests.push(asked);
      send(socket, choose(asked));
    });
  }
}

/** Undefined: more is to come. */
function wholeRequest(come: Buffer): Pick<Asked, "path" | "body"> | undefined {
  const end = come.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = come.toString("latin1", 0, end);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  if (come.length < end + 4 + length) return undefined;
  return { path: head.split(" ")[1] ?? "", body: come.toString("utf8", end + 4, end + 4 + length) };
}

function send(socket: Socket, reply: Reply): void {
  if (reply.kind === "answer") {
    const type = reply.body.startsWith("<") ? "text/html" : "application/json";
    const headers = { "content-type": type, "content-length": `${Buffer.byteLength(reply.body)}`, ...reply.headers };
    socket.end(`${head(reply.status, headers)}${reply.body}`);
    return;
  }
  const opening = head(200, { "content-type": "text/event-stream", "transfer-encoding": "chunked" });
  if (reply.kind === "trickle") {
    socket.write(opening);
    trickle(socket, reply.pieces, reply.pauseMs);
    return;
  }
  const text = `${opening}${chunkOf(reply.text)}`;
  switch (reply.end) {
    case "proper":
      socket.end(`${text}0\r\n\r\n`);
      return;
    case "silence":
      socket.write(text);
      return;
    case "reset":
      // The text first: a reset takes with it what was not read.
      socket.write(text, () => setTimeout(() => socket.resetAndDestroy(), RESET_AFTER_MS));
  }
}

function trickle(socket: Socket, [piece, ...rest]: readonly string[], pauseMs: number): void {
  if (socket.destroyed) return;
  if (piece === undefined) {
    socket.end("0\r\n\r\n");
    return;
  }
  socket.write(chunkOf(piece));
  setTimeout(() => trickle(socket, rest, pauseMs), pauseMs);
}

function chunkOf(text: string): string {
  return text === "" ? "" : `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/**
 * Until the reader has what came before the reset, also on a machine that is busy: nothing outside tells. What its kernel, or
 * its thread for the network, has taken is lost with the reset until its program takes it.
 */
const RESET_AFTER_MS = 500;

function head(status: number, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Played\r\nconnection: close\r\n${lines.join("")}\r\n`;
}
