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
  /** Room for a message whose rest is still to come: it grows with what has come, an announced length alone costs nothing. */
  private partial: Uint8Array | undefined;
  private partialBytes = 0;
  /** Of the partial message, its head included; that of the head alone until it is whole. */
  private wholeBytes = 0;
  private isFirst = true;

  /** The first message may have a bound of its own. */
  constructor(
    private readonly maxBytes: number,
    private readonly maxFirstBytes = maxBytes,
  ) {}

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
        this.isFirst = false;
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
  private begin(wholeBytes: number, left: number): void {
    this.wholeBytes = wholeBytes;
    // Not `slice`: that of a Buffer is no copy.
    this.partial = new Uint8Array(this.chunk.subarray(this.at));
    this.partialBytes = left;
    this.forget();
  }

  private fromPartial(partial: Uint8Array): Uint8Array | undefined {
    const taken = Math.min(this.wholeBytes - this.partialBytes, this.chunk.length - this.at);
    const grown = this.grown(partial, this.partialBytes + taken);
    grown.set(this.chunk.subarray(this.at, this.at + taken), this.partialBytes);
    this.partial = grown;
    this.at += taken;
    this.partialBytes += taken;
    if (this.at >= this.chunk.length) this.forget();
    if (this.partialBytes < this.wholeBytes) return undefined;
    const bytes = HEAD_BYTES + this.lengthIn(grown, 0);
    if (bytes === this.wholeBytes) {
      this.partial = undefined;
      this.isFirst = false;
      return grown.subarray(HEAD_BYTES, bytes);
    }
    // Only its head was there.
    this.wholeBytes = bytes;
    return this.fromPartial(grown);
  }

  /** Doubled, so that a message is not copied again with each chunk. */
  private grown(partial: Uint8Array, bytes: number): Uint8Array {
    if (bytes <= partial.length) return partial;
    const grown = new Uint8Array(Math.min(this.wholeBytes, Math.max(bytes, 2 * partial.length)));
    grown.set(partial);
    return grown;
  }

  private lengthIn(bytes: Uint8Array, at: number): number {
    // Byte by byte: a view of them would cost as much again as all the rest.
    const low = ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
    const length = (bytes[at + 1] ?? 0) * 0x1000000 + low;
    if (bytes[at] !== 0) {
      throw new ReliantError("internal", "read a gRPC message: it is compressed, and no compression was agreed");
    }
    const maxBytes = this.isFirst ? this.maxFirstBytes : this.maxBytes;
    if (length > maxBytes) {
      const sizes = `${length} bytes are larger than the ${maxBytes} that are taken`;
      throw new ReliantError("resource_exhausted", `read a gRPC message: ${sizes}`);
    }
    return length;
  }

  private forget(): void {
    this.chunk = NOTHING;
    this.at = 0;
  }
}
