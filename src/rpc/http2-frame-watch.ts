import { LIMITS } from "../core/limits.ts";

const PREFACE_BYTES = 24;
const HEADER_BYTES = 9;
const FRAME = { data: 0, headers: 1, resetStream: 3, continuation: 9 } as const;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
/** The smallest frame of ours that a peer may answer with an empty one of its own. */
const ANSWERED_BYTES = HEADER_BYTES;

export interface WatchFacts {
  nowMs(): number;
  /** What we have written on the connection so far; a peer acknowledges it with empty frames, and may. */
  sentBytes(): number;
}

/**
 * Reads along what a client sends on one HTTP/2 connection and tells when it only keeps us busy: a header that never
 * ends (CVE-2024-28182; Bun 1.4.5's own server counts its bytes, not its frames), frames without content, requests
 * that are broken off as fast as they come (CVE-2023-44487). Pure: chunks in, a fault or nothing out.
 */
export class Http2FrameWatch {
  /** Bytes of the present frame that are still to come, after its header. */
  private payloadLeft = PREFACE_BYTES;
  private readonly header = new Uint8Array(HEADER_BYTES);
  private headerFilled = 0;
  private headerOpen = false;
  private headerBytes = 0;
  private continuations = 0;
  private readonly empty = new Budget(LIMITS.emptyFramesBurst, LIMITS.emptyFramesPerSecond);
  private readonly resets = new Budget(LIMITS.resetsBurst, LIMITS.resetsPerSecond);
  private answered = 0;

  /** Both budgets are up to date with this chunk. */
  private refilled = false;

  /** The facts are asked for once a chunk, and only where a frame is counted: they cost more than the watch. */
  constructor(private readonly facts: WatchFacts) {}

  read(chunk: Uint8Array): string | undefined {
    this.refilled = false;
    for (let at = 0; at < chunk.length; ) {
      if (this.payloadLeft > 0) {
        const skipped = Math.min(this.payloadLeft, chunk.length - at);
        this.payloadLeft -= skipped;
        at += skipped;
        continue;
      }
      if (this.headerFilled === 0 && chunk.length - at >= HEADER_BYTES) {
        const fault = this.frame(chunk, at);
        if (fault !== undefined) return fault;
        at += HEADER_BYTES;
        continue;
      }
      const taken = Math.min(HEADER_BYTES - this.headerFilled, chunk.length - at);
      this.header.set(chunk.subarray(at, at + taken), this.headerFilled);
      this.headerFilled += taken;
      at += taken;
      if (this.headerFilled < HEADER_BYTES) break;
      this.headerFilled = 0;
      const fault = this.frame(this.header, 0);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  /** One frame header stands there whole. Field layout: RFC 9113 §4.1. */
  private frame(bytes: Uint8Array, at: number): string | undefined {
    const length = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const [type, flags] = [bytes[at + 3] ?? 0, bytes[at + 4] ?? 0];
    this.payloadLeft = length;
    if (type === FRAME.headers || (type === FRAME.continuation && this.headerOpen)) {
      return this.headerFrame(type, length, flags);
    }
    if (type === FRAME.data && (length > 0 || (flags & END_STREAM) !== 0)) return undefined;
    if (!this.refilled) this.refill();
    if (type === FRAME.resetStream) return this.resets.take() ? undefined : "requests broken off too fast";
    return this.empty.take() ? undefined : "too many frames without content";
  }

  private refill(): void {
    this.refilled = true;
    const nowMs = this.facts.nowMs();
    const sentBytes = this.facts.sentBytes();
    this.resets.refill(nowMs);
    this.empty.refill(nowMs);
    this.empty.give((2 * (sentBytes - this.answered)) / ANSWERED_BYTES);
    this.answered = sentBytes;
  }

  private headerFrame(type: number, length: number, flags: number): string | undefined {
    if (type === FRAME.headers) {
      this.headerBytes = 0;
      this.continuations = 0;
    } else {
      this.continuations++;
    }
    this.headerBytes += length;
    this.headerOpen = (flags & END_HEADERS) === 0;
    if (this.continuations > LIMITS.headerContinuations) return "a header of too many frames";
    return this.headerBytes > LIMITS.requestHeaderBytes ? "a header of too many bytes" : undefined;
  }
}

/** So many at once, refilled at a steady pace. */
class Budget {
  private left: number;
  private refilledAtMs: number | undefined;

  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
  ) {
    this.left = burst;
  }

  refill(nowMs: number): void {
    this.give((Math.max(0, nowMs - (this.refilledAtMs ?? nowMs)) / 1000) * this.perSecond);
    this.refilledAtMs = nowMs;
  }

  give(count: number): void {
    this.left = Math.min(this.burst, this.left + Math.max(0, count));
  }

  take(): boolean {
    this.left -= 1;
    return this.left >= 0;
  }
}
