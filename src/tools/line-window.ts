import { LIMITS } from "../core/limits.ts";

export interface LineRange {
  /** The first line that is wanted, from 1. */
  readonly from: number;
  readonly count: number;
  /** Bytes of text that there is room for. */
  readonly maxBytes: number;
}

interface Line {
  readonly number: number;
  readonly text: string;
}

/**
 * Takes a file piece by piece and keeps the wanted lines, long ones cut and marked. Memory stays at what is kept,
 * whatever the file is like.
 */
export class LineWindow {
  readonly lines: Line[] = [];
  /** True where a byte sequence is not UTF-8; it is shown as �. */
  invalid = false;
  private number = 1;
  private pieces: Uint8Array[] = [];
  private keptBytes = 0;
  private lineBytes = 0;
  private usedBytes = 0;
  private full = false;

  constructor(private readonly range: LineRange) {}

  /** True when no more lines are kept: what follows is only counted. */
  get isFull(): boolean {
    return this.full;
  }

  /** Lines so far; the last one counts although nothing ended it. */
  get lineCount(): number {
    return this.lineBytes > 0 ? this.number : this.number - 1;
  }

  push(data: Uint8Array): void {
    let from = 0;
    for (let at = data.indexOf(10); at !== -1; at = data.indexOf(10, from)) {
      this.add(data.subarray(from, at));
      this.endLine();
      from = at + 1;
    }
    if (from < data.length) this.add(data.subarray(from));
  }

  /** The file has ended. */
  end(): void {
    if (this.lineBytes > 0) this.keepLine();
  }

  private get wanted(): boolean {
    return !this.full && this.number >= this.range.from;
  }

  private add(part: Uint8Array): void {
    this.lineBytes += part.length;
    const room = LIMITS.toolLineCharacters * 4 - this.keptBytes;
    if (!this.wanted || room <= 0) return;
    // A copy: the reader uses its buffer again.
    this.pieces.push(part.slice(0, room));
    this.keptBytes += Math.min(part.length, room);
  }

  private endLine(): void {
    this.keepLine();
    this.number++;
    this.lineBytes = 0;
    this.keptBytes = 0;
    this.pieces = [];
  }

  private keepLine(): void {
    if (!this.wanted) return;
    const text = this.lineText();
    const bytes = Buffer.byteLength(text) + 8;
    if (this.lines.length > 0 && this.usedBytes + bytes > this.range.maxBytes) {
      this.full = true;
      return;
    }
    this.lines.push({ number: this.number, text });
    this.usedBytes += bytes;
    if (this.lines.length >= this.range.count) this.full = true;
  }

  private lineText(): string {
    const bytes = Buffer.concat(this.pieces);
    const decoded = new TextDecoder("utf-8", { ignoreBOM: this.number > 1 }).decode(bytes);
    const cutBytes = this.lineBytes - bytes.length;
    // A character that the cut itself broke is not the file's fault.
    if (!isUtf8(cutBytes === 0 ? bytes : bytes.subarray(0, -4))) this.invalid = true;
    const line = decoded.endsWith("\r") ? decoded.slice(0, -1) : decoded;
    if (line.length <= LIMITS.toolLineCharacters && cutBytes === 0) return line;
    return `${line.slice(0, LIMITS.toolLineCharacters)}… [line of ${this.lineBytes} bytes, cut]`;
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return !text.includes("\uFFFD") || Buffer.from(text).equals(bytes);
}

/** Lines with their numbers, as the file tools show them. */
export function numbered(lines: readonly Line[]): string {
  return lines.map(({ number, text }) => `${String(number).padStart(6)}\t${text}`).join("\n");
}
