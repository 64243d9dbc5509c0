import { CharacterSplitter } from "./character-splitter.ts";

/** What an output of any length is reduced to: its first and last bytes, and counts. Memory and text (but for the mark) stay at `maxBytes`. */
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
    const came = this.head.subarray(0, this.headBytes);
    const newest = this.newest();
    if (this.tailBytes <= this.tail.length) {
      const text = shown(Buffer.concat([came, newest]));
      if (Buffer.byteLength(text) <= this.head.length + this.tail.length) {
        return { text, leftOutBytes: 0, leftOutLines: 0 };
      }
    }
    const head = new CharacterSplitter().push(fittingHead(came, this.head.length));
    const fitting = fittingTail(newest, this.tail.length);
    const tail = fitting.subarray(leadingContinuations(fitting));
    const leftOutBytes = this.totalBytes - head.length - tail.length;
    const leftOutLines = Math.max(0, this.newlines - newlinesIn(head) - newlinesIn(tail));
    const mark = `\n[… ${leftOutBytes} bytes, ${leftOutLines} lines left out …]\n`;
    return { text: shown(head) + mark + shown(tail), leftOutBytes, leftOutLines };
  }

  /** What the ring holds, in the order in which it came. */
  private newest(): Uint8Array {
    const start = this.tailBytes % this.tail.length;
    if (this.tailBytes <= this.tail.length) return this.tail.subarray(0, this.tailBytes);
    return Buffer.concat([this.tail.subarray(start), this.tail.subarray(0, start)]);
  }
}

/** The longest beginning whose text takes at most `maxBytes`: a byte that is shown as \uFFFD takes three. */
function fittingHead(data: Uint8Array, maxBytes: number): Uint8Array {
  return data.subarray(
    0,
    longest(data.length, (length) => fits(data.subarray(0, length), maxBytes)),
  );
}

function fittingTail(data: Uint8Array, maxBytes: number): Uint8Array {
  const { length: all } = data;
  return data.subarray(all - longest(all, (length) => fits(data.subarray(all - length), maxBytes)));
}

function fits(data: Uint8Array, maxBytes: number): boolean {
  return Buffer.byteLength(shown(data)) <= maxBytes;
}

/** The largest length up to `max` that fits. */
function longest(max: number, fitting: (length: number) => boolean): number {
  if (fitting(max)) return max;
  let [low, high] = [0, max];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (fitting(middle)) low = middle;
    else high = middle;
  }
  return low;
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

/** The bytes as text. What is no character, and NUL, which databases do not store, is shown as \uFFFD. */
function shown(data: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(data).replaceAll("\0", "\uFFFD");
}
