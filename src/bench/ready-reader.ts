const HEADER = 5;
const READY = "Z".charCodeAt(0);

/** What a server of Postgres says when it has answered: no transaction, in one, in one that failed. */
export type Readiness = "idle" | "in_transaction" | "failed_transaction";

const READINESS: Readonly<Record<string, Readiness>> = { I: "idle", T: "in_transaction", E: "failed_transaction" };

/** Reads from a server's bytes each time that it is ready for the next statement; the rest of them is skipped, not kept. */
export class ReadyReader {
  private head: number[] = [];
  /** Bytes of the present message that are still to come. */
  private left = 0;

  /** The times that it became ready in these bytes. */
  take(bytes: Buffer): Readiness[] {
    const ready: Readiness[] = [];
    for (let at = 0; at < bytes.length; ) {
      if (this.left > 0) {
        if (this.head[0] === READY) ready.push(READINESS[String.fromCharCode(bytes[at] ?? 0)] ?? "failed_transaction");
        const taken = Math.min(this.left, bytes.length - at);
        this.left -= taken;
        at += taken;
        if (this.left === 0) this.head = [];
        continue;
      }
      this.head.push(bytes[at] ?? 0);
      at += 1;
      if (this.head.length < HEADER) continue;
      this.left = Buffer.from(this.head).readInt32BE(1) - 4;
      if (this.left <= 0) this.head = [];
    }
    return ready;
  }
}
