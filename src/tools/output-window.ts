import { CharacterSplitter } from "./character-splitter.ts";

/** What an output of any length is reduced to: its first and last bytes, and counts. Memory stays at `maxBytes`. */
export class OutputWindow {
  private readonly head: Uint8Array;
  private readonly tail: Uint8Array;
  private headBytes = 0;
  /** Bytes that came behind the head. The tail is a ring: the next byte goes to `tailBytes % tail.length`. */
  private tailBytes = 0;
  private newlines = 0;

  constructor(maxBytes: number) {
    this.head = new Uint8Array(Math.ceil(maxBytes / 2));
    this.tail = new Uint8Array(Math.max(1, Math.floor(maxBytes / 2)));
  }

  get totalBytes(): number {
    return this.headBytes + this.tailBytes;
  }

  push(data: Uint8Array): void {
    for (let at = data.indexOf(10); at !== -1; at = data.indexOf(10, at + 1)) this.newlines++;
    const toHead = data.subarray(0, this.head.length - this.headBytes);
    this.head.set(toHead, this.headBytes);
    this.headBytes += toHead.length;
    this.pushTail(data.subarray(toHead.length));
  }

  private pushTail(data: Uint8Array): void {
    const size = this.tail.length;
    const kept = data.subarray(Math.max(0, data.length - size));
    const from = (this.tailBytes + data.length - kept.length) % size;
    const first = kept.subarray(0, size - from);
    this.tail.set(first, from);
    this.tail.set(kept.subarray(first.length), 0);
    this.tailBytes += data.length;
  }

  /** What is left out between head and tail; zero where all is there. `lines` are those of which nothing is shown. */
  text(): { readonly text: string; readonly leftOutBytes: number; readonly leftOutLines: number } {
    const size = this.tail.length;
    if (this.tailBytes <= size) {
      const all = new Uint8Array(this.totalBytes);
      all.set(this.head.subarray(0, this.headBytes));
      all.set(this.tail.subarray(0, this.tailBytes), this.headBytes);
      return { text: decode(all), leftOutBytes: 0, leftOutLines: 0 };
    }
    const start = this.tailBytes % size;
    const ring = new Uint8Array(size);
    ring.set(this.tail.subarray(start));
    ring.set(this.tail.subarray(0, start), size - start);
    const head = new CharacterSplitter().push(this.head);
    const tail = ring.subarray(leadingContinuations(ring));
    const leftOutBytes = this.totalBytes - head.length - tail.length;
    const leftOutLines = Math.max(0, this.newlines - newlinesIn(head) - newlinesIn(tail));
    const mark = `\n[… ${leftOutBytes} bytes, ${leftOutLines} lines left out …]\n`;
    return { text: decode(head) + mark + decode(tail), leftOutBytes, leftOutLines };
  }
}

function newlinesIn(data: Uint8Array): number {
  let found = 0;
  for (let at = data.indexOf(10); at !== -1; at = data.indexOf(10, at + 1)) found++;
  return found;
}

/** Bytes at the start that belong to a character whose beginning was cut off. */
function leadingContinuations(data: Uint8Array): number {
  let at = 0;
  while (at < 3 && at < data.length && ((data[at] ?? 0) & 0xc0) === 0x80) at++;
  return at;
}

function decode(data: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(data);
}
