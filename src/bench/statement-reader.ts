/** The protocol version that a session's greeting names (3.x); what comes before it (a request for TLS, say) names others. */
const PROTOCOL_MAJOR = 3;
const TYPED_HEADER = 5;
const UNTYPED_HEADER = 4;

/** A statement that a client has executed. */
export interface ExecutedStatement {
  readonly text: string;
  /** Its parameters as text; null for null. Read when asked for: most of them nobody looks at. */
  values(): readonly (string | null)[];
}

const NO_VALUES = (): readonly (string | null)[] => [];

/**
 * What one client of Postgres has executed, read from the bytes that it sends (PostgreSQL, "Frontend/Backend Protocol"):
 * each statement whenever it is executed, `begin` and `commit` included. Only of a connection without TLS.
 */
export class StatementReader {
  private waiting: Buffer = Buffer.alloc(0);
  private greeted = false;
  private readonly prepared = new Map<string, string>();
  private bound: ExecutedStatement = { text: "", values: NO_VALUES };
  private askedCount = 0;

  /** How often the server was asked so far to say when it is ready again: once for each statement, or a few sent together. */
  get asked(): number {
    return this.askedCount;
  }

  /** The statements whose execution these bytes ask for. */
  take(bytes: Buffer): ExecutedStatement[] {
    this.waiting = this.waiting.length === 0 ? bytes : Buffer.concat([this.waiting, bytes]);
    const executed: ExecutedStatement[] = [];
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

  private statementOf({ type, body }: { readonly type: string; readonly body: Buffer }): ExecutedStatement | undefined {
    switch (type) {
      case "":
        if (body.readInt16BE(0) === PROTOCOL_MAJOR) this.greeted = true;
        return undefined;
      case "Q":
        this.askedCount += 1;
        return { text: textsOf(body, 1)[0] ?? "", values: NO_VALUES };
      case "S":
        this.askedCount += 1;
        return undefined;
      case "P": {
        const [name = "", statement = ""] = textsOf(body, 2);
        this.prepared.set(name, statement);
        return undefined;
      }
      case "B": {
        const [portal = "", name = ""] = textsOf(body, 2);
        const valuesAt = Buffer.byteLength(portal) + Buffer.byteLength(name) + 2;
        this.bound = { text: this.prepared.get(name) ?? "", values: () => valuesOf(body, valuesAt) };
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

/** The parameters of a `Bind`: formats, of which a client that sends text says none or zeros, then length and bytes of each. */
function valuesOf(body: Buffer, from: number): readonly (string | null)[] {
  let at = from + 2 + 2 * body.readInt16BE(from);
  const count = body.readInt16BE(at);
  at += 2;
  const values: (string | null)[] = [];
  for (let index = 0; index < count; index++) {
    const length = body.readInt32BE(at);
    at += 4;
    values.push(length < 0 ? null : body.toString("utf8", at, at + length));
    at += Math.max(0, length);
  }
  return values;
}
