import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import { logger } from "../core/logger.ts";
import { FrameRate } from "./frame-rate.ts";
import { Http2FrameWatch } from "./http2-frame-watch.ts";

/**
 * Cuts one HTTP/2 connection whose client only keeps us busy. Each frame of a stranger is read along. Once the client is
 * known, the runtime's parser takes the bytes from the system by itself, which saves a gateway a tenth of its time, and
 * only its count of frames is looked at. Where the runtime has no such parser, everybody is read along.
 */
export class Http2Guard {
  private readonly handle: unknown;
  private watch: Http2FrameWatch | undefined;
  private session: Http2Session | undefined;
  private isKnown = false;
  private rate: FrameRate | undefined;

  constructor(
    private readonly socket: Socket,
    clock: Clock,
  ) {
    this.handle = Reflect.get(socket, "_handle");
    this.watch = new Http2FrameWatch({
      nowMs: () => clock.stamp().monotonicMs,
      sentBytes: () => socket.bytesWritten,
    });
    socket.on("data", this.readAlong);
  }

  /**
   * Runs what makes a session of the socket. Bun's session takes a socket's native handle where it finds one, and nobody
   * sees the bytes then. Without it the session reads the socket's `data` events, as in its documentation.
   */
  handOver(toServer: () => void): void {
    Reflect.set(this.socket, "_handle", undefined);
    try {
      toServer();
    } finally {
      Reflect.set(this.socket, "_handle", this.handle);
    }
  }

  attach(session: Http2Session): void {
    this.session = session;
  }

  /** The client has shown who it is. */
  know(): void {
    this.isKnown = true;
  }

  /** To be called every second or so. */
  look(nowMs: number): void {
    if (this.rate?.isTooHigh(nowMs)) this.cut("more frames than anybody needs");
    if (this.isKnown && this.rate === undefined) this.leaveToRuntime(nowMs);
  }

  private leaveToRuntime(nowMs: number): void {
    const parser = this.session && parserOf(this.session);
    // What waits to be written would come after what the parser writes by itself.
    if (parser === undefined || this.socket.writableLength > 0) return;
    this.socket.off("data", this.readAlong);
    this.watch = undefined;
    this.rate = new FrameRate(() => parser.getFrameCounters().framesReceived, nowMs);
    parser.setNativeSocket(this.handle);
  }

  private readonly readAlong = (chunk: Uint8Array) => {
    const fault = this.watch?.read(chunk);
    if (fault !== undefined) this.cut(fault);
  };

  private cut(fault: string): void {
    logger("rpc").warn("connection closed: its client floods", { fault, remote: this.socket.remoteAddress });
    this.socket.destroy();
  }
}

/** How Bun 1.4.5 names the property under which an HTTP/2 session keeps its parser, which is native. */
const PARSER = "::bunhttp2native::";

interface Parser {
  getFrameCounters(): { readonly framesReceived: number };
  setNativeSocket(handle: unknown): void;
}

function parserOf(session: Http2Session): Parser | undefined {
  for (let at: object | null = session; at !== null; at = Object.getPrototypeOf(at)) {
    const key = Object.getOwnPropertySymbols(at).find(({ description }) => description === PARSER);
    const parser: unknown = key && Reflect.get(session, key);
    if (isParser(parser)) return parser;
  }
  return undefined;
}

function isParser(value: unknown): value is Parser {
  return typeof value === "object" && value !== null && "getFrameCounters" in value && "setNativeSocket" in value;
}
