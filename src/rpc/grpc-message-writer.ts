const HEAD_BYTES = 5;
/** A write of the usual size, and then some: what is larger gets room of its own. */
const ROOM_BYTES = 128 * 1024;

/**
 * Puts messages together as they stand in the body of a gRPC call (a flag, four bytes of length, the message), for one
 * write. One for all calls, because nothing is kept between two writes.
 */
export class GrpcMessageWriter {
  private readonly usual = Buffer.allocUnsafeSlow(ROOM_BYTES);
  private room = this.usual;
  private at = 0;

  /** Of all messages since the last write, their heads included. */
  get bytes(): number {
    return this.at;
  }

  /** Copies it. */
  add(message: Uint8Array): void {
    const { length } = message;
    if (this.at + HEAD_BYTES + length > this.room.length) this.grow(this.at + HEAD_BYTES + length);
    const { room, at } = this;
    room[at] = 0;
    room[at + 1] = length >>> 24;
    room[at + 2] = length >>> 16;
    room[at + 3] = length >>> 8;
    room[at + 4] = length;
    room.set(message, at + HEAD_BYTES);
    this.at = at + HEAD_BYTES + length;
  }

  /** The bytes of one write, which are the caller's, and forgets them. */
  take(): Uint8Array {
    const { at, room } = this;
    this.clear();
    if (room !== this.usual) return room.subarray(0, at);
    // A Buffer: streams make one of anything else, which takes longer than all that is done here.
    const bytes = Buffer.allocUnsafe(at);
    room.copy(bytes, 0, 0, at);
    return bytes;
  }

  /** Forgets what was added. */
  clear(): void {
    this.at = 0;
    this.room = this.usual;
  }

  private grow(bytes: number): void {
    const room = Buffer.allocUnsafeSlow(bytes);
    this.room.copy(room, 0, 0, this.at);
    this.room = room;
  }
}
