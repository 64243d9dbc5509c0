import type { Socket } from "bun";

/** What goes out on one socket: collected until `flush`, then one write; what the socket does not take waits for its `drain`. */
export class RawOut {
  private waiting: Buffer[] = [];

  add(bytes: Buffer): void {
    this.waiting.push(bytes);
  }

  flush(socket: Socket): void {
    const [only] = this.waiting;
    if (only === undefined) return;
    const bytes = this.waiting.length === 1 ? only : Buffer.concat(this.waiting);
    const written = Math.max(0, socket.write(bytes));
    this.waiting = written < bytes.length ? [bytes.subarray(written)] : [];
  }
}
