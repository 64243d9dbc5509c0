import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import type { ConnectRequest } from "../gen/reliant/v1/daemon_pb.ts";
import type { OutputChannel } from "../tools/tool.ts";
import { outputFrame } from "./gateway-frames.ts";

/**
 * The live output of one call as frames: coalesced for `LIMITS.deltaMs`, cut at `LIMITS.outputChunkBytes`, bounded by the
 * gateway's credit. What finds no credit or no room is left out and counted: the next chunk says how much is missing.
 */
export class LiveOutput {
  private parts: Uint8Array[] = [];
  private partBytes = 0;
  private channel: OutputChannel = "stdout";
  /** Bytes that were sent or left out. */
  private passedBytes = 0;
  private gapBytes = 0;
  private creditBytes: number = LIMITS.outputCreditBytes;
  private cancelTimer: (() => void) | undefined;
  private closed = false;

  constructor(
    private readonly toolCallId: string,
    private readonly clock: Clock,
    private readonly push: (frame: ConnectRequest, bytes: number) => boolean,
  ) {}

  /** Takes a copy of what may be sent; never waits. */
  write(channel: OutputChannel, data: Uint8Array): void {
    if (this.closed) return;
    if (channel !== this.channel) this.flush();
    this.channel = channel;
    if (this.creditBytes === 0) {
      // A flood would be copied only to be left out: twice its size in garbage.
      this.flush();
      this.leaveOut(data.length);
      return;
    }
    for (let from = 0; from < data.length; ) {
      const part = data.slice(from, from + LIMITS.outputChunkBytes - this.partBytes);
      this.parts.push(part);
      this.partBytes += part.length;
      from += part.length;
      if (this.partBytes >= LIMITS.outputChunkBytes) this.flush();
    }
    // The first chunk goes at once; what comes within the pace after it goes together.
    if (this.partBytes > 0 && this.cancelTimer === undefined) {
      this.flush();
      this.cancelTimer = this.clock.after(LIMITS.deltaMs, () => this.pace());
    }
  }

  /** The gateway lets that many bytes more be under way. */
  grant(bytes: number): void {
    if (bytes > 0) this.creditBytes = Math.min(this.creditBytes + bytes, LIMITS.outputCreditBytes);
  }

  /** A new connection knows nothing of the credit of the last one. */
  reconnected(): void {
    this.creditBytes = LIMITS.outputCreditBytes;
  }

  /** Sends what is left; a gap at the end is told by a chunk without data. */
  close(): void {
    this.cancelTimer?.();
    this.flush();
    this.closed = true;
    if (this.gapBytes > 0) this.send(new Uint8Array(0));
  }

  private pace(): void {
    this.cancelTimer = undefined;
    if (this.partBytes === 0) return;
    this.flush();
    this.cancelTimer = this.clock.after(LIMITS.deltaMs, () => this.pace());
  }

  private flush(): void {
    if (this.partBytes === 0) return;
    const data = joined(this.parts, this.partBytes);
    this.parts = [];
    this.partBytes = 0;
    const paid = data.subarray(0, Math.min(data.length, this.creditBytes));
    const sent = paid.length > 0 && this.send(paid) ? paid.length : 0;
    this.creditBytes -= sent;
    this.leaveOut(data.length - sent);
  }

  private leaveOut(bytes: number): void {
    this.passedBytes += bytes;
    this.gapBytes += bytes;
  }

  private send(data: Uint8Array<ArrayBuffer>): boolean {
    const { toolCallId, channel, gapBytes, passedBytes: offset } = this;
    if (!this.push(outputFrame({ toolCallId, channel, offset, gapBytes, data }), data.length)) return false;
    this.passedBytes += data.length;
    this.gapBytes = 0;
    return true;
  }
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
