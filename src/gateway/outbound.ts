import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { LIMITS } from "../core/limits.ts";
import { type ConnectResponse, ConnectResponseSchema } from "../gen/reliant/v1/daemon_pb.ts";

export type OutboundFrame = NonNullable<MessageInitShape<typeof ConnectResponseSchema>["frame"]>;

/** Whoever takes the frames out, as `take` gives them. */
export interface OutboundReader {
  /** There is something to take. */
  ready(): void;
  /** What is queued is the last. */
  closing(): void;
  /** What was queued is gone, and no more comes. */
  cut(): void;
}

/**
 * Frames on their way to one daemon, in two lanes: control frames (cancel, ack, heartbeat, credit, commands, drain)
 * overtake the others, which keep their order among themselves. One reader, which takes them when it can. Both lanes
 * are bounded.
 */
export class Outbound {
  private readonly control = new Lane();
  private readonly main = new Lane();
  private closed = false;
  private error: unknown;
  private reader: OutboundReader | undefined;

  /** `bytes`: about how many the frame holds, where that is much. False: full or closed, nothing was taken. */
  push(frame: OutboundFrame, bytes = 0): boolean {
    if (this.closed || !this.hasRoom(bytes)) return false;
    this.main.push(frame, bytes);
    this.reader?.ready();
    return true;
  }

  pushControl(frame: OutboundFrame): boolean {
    if (this.closed || this.control.size >= LIMITS.outboundFrames) return false;
    this.control.push(frame, 0);
    this.reader?.ready();
    return true;
  }

  /** As `pushControl`, for a frame that waits until another one goes out, until `wake`, or until many wait. */
  pushLater(frame: OutboundFrame): boolean {
    if (this.closed || this.control.size >= LIMITS.outboundFrames) return false;
    this.control.push(frame, 0);
    if (this.control.size >= LIMITS.outboundLaterFrames) this.reader?.ready();
    return true;
  }

  /** The reader is told, where anything is queued. */
  wake(): void {
    if (this.control.size > 0 || this.main.size > 0) this.reader?.ready();
  }

  /** False while the daemon does not read what waits for it. A single frame always fits into an empty lane. */
  hasRoom(bytes: number): boolean {
    if (this.main.size === 0) return true;
    return this.main.size < LIMITS.outboundFrames && this.main.bytes + bytes <= LIMITS.outboundBytes;
  }

  /** The reader gets what is queued, then the end, or the error. */
  close(error?: unknown): void {
    if (this.closed) return;
    this.closed = true;
    this.error = error;
    this.reader?.closing();
  }

  /** As `close`, without what is queued. */
  cut(error?: unknown): void {
    this.control.clear();
    this.main.clear();
    this.close(error);
    this.reader?.cut();
  }

  /** From now on this reader is told; what waits already, at once. */
  read(reader: OutboundReader): void {
    this.reader = reader;
    if (this.closed) reader.closing();
    else if (this.control.size > 0 || this.main.size > 0) reader.ready();
  }

  /** The next frame; `wait`: there is none now; `end`: none comes any more. */
  take(): OutboundFrame | "wait" | "end" {
    return this.control.take() ?? this.main.take() ?? (this.closed ? "end" : "wait");
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** What it was closed with. */
  get failure(): unknown {
    return this.error;
  }
}

interface Waiting {
  readonly frame: OutboundFrame;
  readonly bytes: number;
  next: Waiting | undefined;
}

/** First in, first out. A list of links: taking costs the same however many wait, what was taken is held by nobody. */
class Lane {
  size = 0;
  bytes = 0;
  private first: Waiting | undefined;
  private last: Waiting | undefined;

  push(frame: OutboundFrame, bytes: number): void {
    const waiting: Waiting = { frame, bytes, next: undefined };
    if (this.last === undefined) this.first = waiting;
    else this.last.next = waiting;
    this.last = waiting;
    this.size += 1;
    this.bytes += bytes;
  }

  take(): OutboundFrame | undefined {
    const { first } = this;
    if (first === undefined) return undefined;
    this.first = first.next;
    if (this.first === undefined) this.last = undefined;
    this.size -= 1;
    this.bytes -= first.bytes;
    return first.frame;
  }

  clear(): void {
    this.first = undefined;
    this.last = undefined;
    this.size = 0;
    this.bytes = 0;
  }
}

/** The frames as a connection over async iterables reads them. */
export class OutboundFrames implements AsyncIterableIterator<ConnectResponse> {
  private wake: (() => void) | undefined;
  private failed = false;

  constructor(private readonly outbound: Outbound) {
    const wake = () => this.wake?.();
    outbound.read({ ready: wake, closing: wake, cut: wake });
  }

  async next(): Promise<IteratorResult<ConnectResponse, undefined>> {
    for (;;) {
      const frame = this.outbound.take();
      if (frame === "end") {
        const { failure } = this.outbound;
        if (failure === undefined || this.failed) return { done: true, value: undefined };
        this.failed = true;
        throw failure;
      }
      if (frame !== "wait") return { done: false, value: create(ConnectResponseSchema, { frame }) };
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = undefined;
    }
  }

  /** The reader has gone. */
  async return(): Promise<IteratorResult<ConnectResponse, undefined>> {
    this.failed = true;
    this.outbound.cut();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<ConnectResponse, undefined>> {
    this.outbound.cut();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
