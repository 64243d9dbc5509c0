import type { Socket } from "bun";
import type { Clock } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";
import { within } from "../../core/within.ts";
import { RawNatsReader } from "./raw-nats-reader.ts";
import { RawOut } from "./raw-out.ts";

const CONNECT = { verbose: false, pedantic: false, lang: "raw", version: "1", protocol: 1 };
const PONG = Buffer.from("PONG\r\n");

export interface RawNatsWait {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface RawNatsEvents {
  /** `payload` is good until this returns; `headBytes`: of it, those of headers. */
  message(subject: string, payload: Buffer, headBytes: number): void;
  /** Once: the connection has ended, or could not be made. */
  ended(error: Error): void;
}

/**
 * A connection to NATS, framed by hand, so that the caller's costs do not hide the gateway's. What is sent in one turn of
 * the event loop goes out in one write, as in production (`nats/coalesced-writes.ts`).
 */
export class RawNats {
  private readonly reader = new RawNatsReader();
  private readonly out = new RawOut();
  private flushing = false;
  private over = false;

  private constructor(
    private readonly socket: Socket,
    private readonly events: RawNatsEvents,
    private readonly onPong: () => void,
  ) {}

  /** Resolves when the server knows of the subscription, within `LIMITS.natsTimeoutMs`. Rejects with the system's error. */
  static async connect(url: string, subject: string, events: RawNatsEvents, wait: RawNatsWait): Promise<RawNats> {
    const { hostname, port } = new URL(url);
    const subscribed = Promise.withResolvers<void>();
    let nats: RawNats | undefined;
    const end = (error: Error) => {
      subscribed.reject(error);
      nats?.end(error);
    };
    const connecting = Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        open: (socket) => {
          socket.setNoDelay(true);
          nats = new RawNats(socket, events, subscribed.resolve);
          nats.send(Buffer.from(`CONNECT ${JSON.stringify({ ...CONNECT, headers: true, no_responders: true })}\r\n`));
          nats.send(Buffer.from(`SUB ${subject} 1\r\nPING\r\n`));
        },
        data: (_, chunk) => nats?.read(chunk),
        drain: () => nats?.flush(),
        close: () => end(new Error("the connection to NATS has ended")),
        error: (_, error) => end(error),
      },
    });
    // Rejects for whoever waits below; what comes after that is told by `ended`.
    subscribed.promise.catch(() => undefined);
    const subscribing = connecting.then(() => subscribed.promise);
    try {
      await within(subscribing, { ms: LIMITS.natsTimeoutMs, act: "connect the caller to NATS", ...wait });
    } catch (error) {
      connecting.then((socket) => socket.end()).catch(() => undefined);
      throw error;
    }
    if (nats === undefined) throw new Error("a connection to NATS that stands was not opened");
    return nats;
  }

  /** Whole lines of the protocol. */
  send(bytes: Buffer): void {
    this.out.add(bytes);
    if (this.flushing) return;
    this.flushing = true;
    setImmediate(() => this.flush());
  }

  close(): void {
    this.over = true;
    this.socket.end();
  }

  private flush(): void {
    this.flushing = false;
    if (!this.over) this.out.flush(this.socket);
  }

  private read(chunk: Buffer): void {
    this.reader.read(chunk, (frame) => {
      if (frame.kind === "message") this.events.message(frame.subject, frame.payload, frame.headBytes);
      else if (frame.kind === "ping") this.send(PONG);
      else if (frame.kind === "pong") this.onPong();
      else if (frame.kind === "error") this.end(new Error(`NATS says ${frame.text}`));
    });
  }

  private end(error: Error): void {
    if (this.over) return;
    this.close();
    this.events.ended(error);
  }
}
