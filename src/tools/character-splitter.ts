/** Cuts a stream of UTF-8 between characters: an unfinished one at the end is held back until the rest comes. */
export class CharacterSplitter {
  private held: Uint8Array = new Uint8Array(0);

  /** The data up to its last whole character. What is not UTF-8 passes as it is. */
  push(data: Uint8Array): Uint8Array {
    const all = this.held.length === 0 ? data : Buffer.concat([this.held, data]);
    const whole = all.length - unfinishedBytes(all);
    this.held = all.slice(whole);
    return all.subarray(0, whole);
  }

  /** What was still held back. */
  rest(): Uint8Array {
    const rest = this.held;
    this.held = new Uint8Array(0);
    return rest;
  }
}

function unfinishedBytes(data: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= data.length; back++) {
    const byte = data[data.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}
