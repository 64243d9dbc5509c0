/** The protocol version that a session's greeting names (3.x); what comes before it (a request for TLS, say) names others. */
const PROTOCOL_MAJOR = 3;
const TYPED_HEADER = 5;
const UNTYPED_HEADER = 4;

/**
 * What one client of Postgres has executed, read from the bytes that it sends (PostgreSQL, "Frontend/Backend Protocol"):
 * each statement's text whenever it is executed, `begin` and `commit` included. Only of a connection without TLS.
 */
export class StatementReader {
  private waiting: Buffer = Buffer.alloc(0);
  private greeted = false;
  private readonly prepared = new Map<string, string>();
  private bound = "";

  /** The statements whose execution these bytes ask for. */
  take(bytes: Buffer): string[] {
    this.waiting = this.waiting.length === 0 ? bytes : Buffer.concat([this.waiting, bytes]);
    const executed: string[] = [];
    for (let message = this.next(); message !== undefined; message = this.next()) {
      const statement = this.statementOf(message);
      if (statement !== undefined) executed.push(statement);
    }
    return executed;
  }

  /** The next whole message; undefined: more bytes must come. */
  private next(): { readonly type: string; readonly body: Buffer } | undefined {
    const header = this.greeted ? TYPED_HEADER : UNTYPED_HEADER;
    if (this.waiting.length < header) return undefined;
    const end = header - UNTYPED_HEADER + this.waiting.readInt32BE(header - UNTYPED_HEADER);
    if (this.waiting.length < end) return undefined;
    const type = this.greeted ? String.fromCharCode(this.waiting[0] ?? 0) : "";
    const body = this.waiting.subarray(header, end);
    this.waiting = this.waiting.subarray(end);
    return { type, body };
  }

  private statementOf({ type, body }: { readonly type: string; readonly body: Buffer }): string | undefined {
    switch (type) {
      case "":
        if (body.readInt16BE(0) === PROTOCOL_MAJOR) this.greeted = true;
        return undefined;
      case "Q":
        return textsOf(body, 1)[0];
      case "P": {
        const [name = "", statement = ""] = textsOf(body, 2);
        this.prepared.set(name, statement);
        return undefined;
      }
      case "B": {
        const [, name = ""] = textsOf(body, 2);
        this.bound = this.prepared.get(name) ?? "";
        return undefined;
      }
      case "E":
        return this.bound;
      default:
        return undefined;
    }
  }
}

/** The first texts of a message, each ended by a zero byte. */
function textsOf(body: Buffer, count: number): string[] {
  const texts: string[] = [];
  for (let from = 0; texts.length < count; ) {
    const end = body.indexOf(0, from);
    if (end < 0) break;
    texts.push(body.toString("utf8", from, end));
    from = end + 1;
  }
  return texts;
}
