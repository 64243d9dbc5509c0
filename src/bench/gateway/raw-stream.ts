import type { Socket } from "bun";
import {
  ACK,
  END_STREAM,
  FRAME,
  frame,
  grpcMessageReader,
  http2FrameReader,
  INITIAL_WINDOW,
  initialWindowOf,
  OUR_WINDOW,
  parseFrame,
  payloadBytesOf,
  windowUpdate,
} from "./raw-http2.ts";
import { RawOut } from "./raw-out.ts";

export interface RawStreamEvents {
  message(bytes: Buffer): void;
  /** Once: the stream or its connection has ended, or could not be made. */
  ended(reason: RawStreamEnd): void;
}

export type RawStreamEnd = "refused_connection" | "reset_connection" | "ended_by_server";

/**
 * One gRPC stream on a TCP connection of its own, framed by hand, so that the client's costs do not hide the server's.
 * What is sent while a chunk is read goes out in one write.
 */
export class RawStream {
  private socket: Socket | undefined;
  private readonly frames = http2FrameReader();
  private readonly messages = grpcMessageReader();
  private readonly out = new RawOut();
  private reading = false;
  private over = false;
  private connectionWindow = INITIAL_WINDOW;
  private streamWindow = INITIAL_WINDOW;
  private initialWindow = INITIAL_WINDOW;
  /** DATA frames for which the peer has no window. */
  private readonly waiting: Buffer[] = [];
  private taken = 0;

  private constructor(private readonly events: RawStreamEvents) {}

  /** Answers at once; the opening bytes go out when the connection stands. */
  static open(address: { readonly host: string; readonly port: number }, opening: Buffer, events: RawStreamEvents) {
    const stream = new RawStream(events);
    Bun.connect({
      hostname: address.host,
      port: address.port,
      socket: {
        open: (socket) => {
          stream.socket = socket;
          socket.setNoDelay(true);
          stream.write(opening);
          stream.flush();
        },
        data: (_, chunk) => stream.read(chunk),
        drain: () => stream.flush(),
        close: () => stream.end("reset_connection"),
        error: () => stream.end("reset_connection"),
        connectError: () => stream.end("refused_connection"),
      },
    }).catch(() => stream.end("refused_connection"));
    return stream;
  }

  /** One or more whole DATA frames. */
  send(data: Buffer): void {
    if (this.over) return;
    if (this.waiting.length > 0 || !this.spend(data)) this.waiting.push(data);
    else this.write(data);
    if (!this.reading) this.flush();
  }

  ping(): void {
    this.write(frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
    if (!this.reading) this.flush();
  }

  close(): void {
    this.over = true;
    this.socket?.end();
  }

  private read(chunk: Buffer): void {
    this.reading = true;
    this.frames.read(chunk, (piece) => this.take(piece));
    this.reading = false;
    this.flush();
  }

  private take(piece: Buffer): void {
    const { type, flags, streamId, payload } = parseFrame(piece);
    switch (type) {
      case FRAME.data:
        this.took(payload.length);
        this.messages.read(payload, (message) => this.events.message(message.subarray(5)));
        if ((flags & END_STREAM) !== 0) this.end("ended_by_server");
        return;
      case FRAME.headers:
        if ((flags & END_STREAM) !== 0) this.end("ended_by_server");
        return;
      case FRAME.reset:
      case FRAME.goaway:
        this.end("ended_by_server");
        return;
      case FRAME.ping:
        if ((flags & ACK) === 0) this.write(frame(FRAME.ping, ACK, 0, payload));
        return;
      case FRAME.settings:
        if ((flags & ACK) === 0) this.takeSettings(payload);
        return;
      case FRAME.windowUpdate:
        if (streamId === 0) this.connectionWindow += payload.readUInt32BE(0);
        else this.streamWindow += payload.readUInt32BE(0);
        this.sendWaiting();
        return;
      default:
    }
  }

  private takeSettings(payload: Buffer): void {
    const window = initialWindowOf(payload);
    if (window !== undefined) {
      this.streamWindow += window - this.initialWindow;
      this.initialWindow = window;
    }
    this.write(frame(FRAME.settings, ACK, 0, Buffer.alloc(0)));
    this.sendWaiting();
  }

  private took(bytes: number): void {
    this.taken += bytes;
    if (this.taken < OUR_WINDOW / 4) return;
    this.write(windowUpdate(0, this.taken));
    this.write(windowUpdate(1, this.taken));
    this.taken = 0;
  }

  private sendWaiting(): void {
    while (this.waiting[0] !== undefined && this.spend(this.waiting[0])) {
      this.write(this.waiting[0]);
      this.waiting.shift();
    }
  }

  private spend(data: Buffer): boolean {
    const bytes = payloadBytesOf(data);
    if (bytes > Math.min(this.connectionWindow, this.streamWindow)) return false;
    this.connectionWindow -= bytes;
    this.streamWindow -= bytes;
    return true;
  }

  private write(bytes: Buffer): void {
    this.out.add(bytes);
  }

  private flush(): void {
    const { socket } = this;
    if (socket === undefined || this.over) return;
    this.out.flush(socket);
  }

  private end(reason: RawStreamEnd): void {
    if (this.over) return;
    this.over = true;
    this.socket?.end();
    this.events.ended(reason);
  }
}
