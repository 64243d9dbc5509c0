import { ReliantError } from "../core/errors.ts";

const HEAD_BYTES = 5;
const NOTHING = new Uint8Array(0);

/**
 * Cuts the body of a gRPC call into its messages (a flag, four bytes of length, the message). Pure: chunks in, messages
 * out. Throws `resource_exhausted` for a message over the bound as soon as its length is there, and `internal` for a
 * compressed one: none was agreed (gRPC over HTTP/2, "Compression").
 */
export class GrpcMessageReader {
  private chunk: Uint8Array = NOTHING;
  private at = 0;
  /** The beginning of a message whose rest is still to come, and how much of it there is. */
  private partial: Uint8Array | undefined;
  private partialBytes = 0;

  constructor(private readonly maxBytes: number) {}

  /** True where a message has begun that is not whole. */
  get isWithin(): boolean {
    return this.partial !== undefined || this.at < this.chunk.length;
  }

  /** The chunk before it was read until `next` had nothing more, or is kept beside it. */
  push(chunk: Uint8Array): void {
    if (this.at >= this.chunk.length) {
      this.chunk = chunk;
    } else {
      const both = new Uint8Array(this.chunk.length - this.at + chunk.length);
      both.set(this.chunk.subarray(this.at));
      both.set(chunk, this.chunk.length - this.at);
      this.chunk = both;
    }
    this.at = 0;
  }

  /** The next whole message; undefined: the rest is still to come. Its bytes may be those of the chunk. */
  next(): Uint8Array | undefined {
    return this.partial === undefined ? this.fromChunk() : this.fromPartial(this.partial);
  }

  private fromChunk(): Uint8Array | undefined {
    const left = this.chunk.length - this.at;
    if (left >= HEAD_BYTES) {
      const end = this.at + HEAD_BYTES + this.lengthIn(this.chunk, this.at);
      if (end <= this.chunk.length) {
        const message = this.chunk.subarray(this.at + HEAD_BYTES, end);
        this.at = end;
        if (end === this.chunk.length) this.forget();
        return message;
      }
      this.begin(end - this.at, left);
    } else if (left > 0) {
      this.begin(HEAD_BYTES, left);
    }
    return undefined;
  }

  /** Copied: what the chunk stands in may be used again, and must not be held for a message that comes slowly. */
  private begin(bytes: number, left: number): void {
    this.partial = new Uint8Array(bytes);
    this.partial.set(this.chunk.subarray(this.at));
    this.partialBytes = left;
    this.forget();
  }

  private fromPartial(partial: Uint8Array): Uint8Array | undefined {
    const taken = Math.min(partial.length - this.partialBytes, this.chunk.length - this.at);
    partial.set(this.chunk.subarray(this.at, this.at + taken), this.partialBytes);
    this.at += taken;
    this.partialBytes += taken;
    if (this.at >= this.chunk.length) this.forget();
    if (this.partialBytes < partial.length) return undefined;
    const bytes = HEAD_BYTES + this.lengthIn(partial, 0);
    if (bytes === partial.length) {
      this.partial = undefined;
      return partial.subarray(HEAD_BYTES);
    }
    // Only its head was there.
    const whole = new Uint8Array(bytes);
    whole.set(partial);
    this.partial = whole;
    return this.fromPartial(whole);
  }

  private lengthIn(bytes: Uint8Array, at: number): number {
    const [flags = 0, a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at, at + HEAD_BYTES);
    const length = a * 0x1000000 + ((b << 16) | (c << 8) | d);
    if (flags !== 0) {
      throw new ReliantError("internal", "read a gRPC message: it is compressed, and no compression was agreed");
    }
    if (length > this.maxBytes) {
      const sizes = `${length} bytes are larger than the ${this.maxBytes} that are taken`;
      throw new ReliantError("resource_exhausted", `read a gRPC message: ${sizes}`);
    }
    return length;
  }

  private forget(): void {
    this.chunk = NOTHING;
    this.at = 0;
  }
}

/** Messages as they stand in the body of a call, one after the other. */
export function frameGrpcMessages(messages: readonly Uint8Array[]): Uint8Array {
  // A Buffer: streams make one of anything else, which takes longer than all that is done here.
  const bytes = Buffer.allocUnsafe(messages.reduce((sum, message) => sum + HEAD_BYTES + message.length, 0));
  let at = 0;
  for (const message of messages) {
    const { length } = message;
    bytes[at] = 0;
    bytes[at + 1] = length >>> 24;
    bytes[at + 2] = length >>> 16;
    bytes[at + 3] = length >>> 8;
    bytes[at + 4] = length;
    bytes.set(message, at + HEAD_BYTES);
    at += HEAD_BYTES + length;
  }
  return bytes;
}
