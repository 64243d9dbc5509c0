import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { LIMITS } from "../core/limits.ts";
import { type ConnectResponse, ConnectResponseSchema } from "../gen/reliant/v1/daemon_pb.ts";

export type OutboundFrame = NonNullable<MessageInitShape<typeof ConnectResponseSchema>["frame"]>;

/**
 * Frames on their way to one daemon, in two lanes: control frames (cancel, ack, heartbeat, credit, commands, drain)
 * overtake the others, which keep their order among themselves. One reader. Both lanes are bounded.
 */
export class Outbound implements AsyncIterableIterator<ConnectResponse> {
  private readonly control: ConnectResponse[] = [];
  private readonly main: { readonly frame: ConnectResponse; readonly bytes: number }[] = [];
  private mainBytes = 0;
  private closed = false;
  private failure: unknown;
  private wake: (() => void) | undefined;

  /** `bytes`: about how much the frame holds, where that is much. False: full or closed, nothing was taken. */
  push(frame: OutboundFrame, bytes = 0): boolean {
    if (this.closed || !this.hasRoom(bytes)) return false;
    this.main.push({ frame: create(ConnectResponseSchema, { frame }), bytes });
    this.mainBytes += bytes;
    this.wake?.();
    return true;
  }

  pushControl(frame: OutboundFrame): boolean {
    if (this.closed || this.control.length >= LIMITS.outboundFrames) return false;
    this.control.push(create(ConnectResponseSchema, { frame }));
    this.wake?.();
    return true;
  }

  /** False while the daemon does not read what waits for it. A single frame always fits into an empty lane. */
  hasRoom(bytes: number): boolean {
    if (this.main.length === 0) return true;
    return this.main.length < LIMITS.outboundFrames && this.mainBytes + bytes <= LIMITS.outboundBytes;
  }

  /** The reader gets what is queued, then the end, or the error. */
  close(error?: unknown): void {
    if (this.closed) return;
    this.closed = true;
    this.failure = error;
    this.wake?.();
  }

  /** As `close`, without what is queued. */
  cut(error?: unknown): void {
    this.control.length = 0;
    this.main.length = 0;
    this.close(error);
  }

  async next(): Promise<IteratorResult<ConnectResponse, undefined>> {
    for (;;) {
      const frame = this.shift();
      if (frame !== undefined) return { done: false, value: frame };
      if (this.closed) {
        const failure = this.failure;
        this.failure = undefined;
        if (failure !== undefined) throw failure;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = undefined;
    }
  }

  /** The reader has gone. */
  async return(): Promise<IteratorResult<ConnectResponse, undefined>> {
    this.failure = undefined;
    this.cut();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<ConnectResponse, undefined>> {
    this.cut();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private shift(): ConnectResponse | undefined {
    const control = this.control.shift();
    if (control !== undefined) return control;
    const next = this.main.shift();
    this.mainBytes -= next?.bytes ?? 0;
    return next?.frame;
  }
}
