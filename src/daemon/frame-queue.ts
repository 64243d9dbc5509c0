import { LIMITS } from "../core/limits.ts";
import type { ConnectRequest } from "../gen/reliant/v1/daemon_pb.ts";

/**
 * Frames on their way out of one connection. Control frames overtake; output and results keep their order among each
 * other, so that a call's result comes after its output. Bounded in frames and in bytes: a push that answers false has
 * sent nothing, and its caller says it again later or counts it as lost.
 */
export class FrameQueue implements AsyncIterable<ConnectRequest> {
  private readonly control: ConnectRequest[] = [];
  private readonly bulk: { frame: ConnectRequest; bytes: number }[] = [];
  private bulkBytes = 0;
  private wake: (() => void) | undefined;
  private closed = false;

  pushControl(frame: ConnectRequest): boolean {
    if (this.closed || this.control.length >= LIMITS.daemonQueueFrames) return false;
    this.control.push(frame);
    this.wake?.();
    return true;
  }

  /** `bytes`: about what the frame takes on the wire. */
  pushOutput(frame: ConnectRequest, bytes: number): boolean {
    return this.pushBulk(frame, bytes, LIMITS.daemonOutputQueueBytes);
  }

  pushResult(frame: ConnectRequest, bytes: number): boolean {
    return this.pushBulk(frame, bytes, LIMITS.daemonResultQueueBytes);
  }

  /** No more frames; what is queued is still read. */
  close(): void {
    this.closed = true;
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ConnectRequest, void, undefined> {
    for (;;) {
      const frame = this.control.shift() ?? this.shiftBulk();
      if (frame !== undefined) {
        yield frame;
        continue;
      }
      if (this.closed) return;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = undefined;
    }
  }

  private pushBulk(frame: ConnectRequest, bytes: number, maxBytes: number): boolean {
    const fits = this.bulkBytes + bytes <= maxBytes || this.bulk.length === 0;
    if (this.closed || !fits || this.bulk.length >= LIMITS.daemonQueueFrames) return false;
    this.bulk.push({ frame, bytes });
    this.bulkBytes += bytes;
    this.wake?.();
    return true;
  }

  private shiftBulk(): ConnectRequest | undefined {
    const next = this.bulk.shift();
    if (next !== undefined) this.bulkBytes -= next.bytes;
    return next?.frame;
  }
}
