/** What a NATS server sends, as far as a measuring client looks: https://docs.nats.io/reference/reference-protocols/nats-protocol */
export type NatsFrame =
  /** `headBytes`: of the payload, those of its headers. */
  | { readonly kind: "message"; readonly subject: string; readonly headBytes: number; readonly payload: Buffer }
  | { readonly kind: "info" | "ping" | "pong" | "ok" }
  | { readonly kind: "error"; readonly text: string };

const LINE_FEED = 10;
const LINE_END_BYTES = 2;
const KINDS: ReadonlyMap<string, "info" | "ping" | "pong" | "ok"> = new Map([
  ["INFO", "info"],
  ["PING", "ping"],
  ["PONG", "pong"],
  ["+OK", "ok"],
]);

/** Cuts what comes in into frames; keeps the rest for the next time. A payload is that of the chunk: read it at once. */
export class RawNatsReader {
  private rest: Buffer | undefined;

  read(chunk: Buffer, take: (frame: NatsFrame) => void): void {
    const bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    for (;;) {
      const lineEnd = bytes.indexOf(LINE_FEED, at);
      if (lineEnd < 0) break;
      const words = bytes.toString("latin1", at, lineEnd - 1).split(" ");
      const bodyBytes = words[0] === "MSG" || words[0] === "HMSG" ? Number(words.at(-1)) : undefined;
      const end = lineEnd + 1 + (bodyBytes === undefined ? 0 : bodyBytes + LINE_END_BYTES);
      if (end > bytes.length) break;
      take(frameOf(words, bytes.subarray(lineEnd + 1, end - LINE_END_BYTES)));
      at = end;
    }
    // Copied: the runtime may use the chunk's memory again.
    this.rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at));
  }
}

function frameOf(words: readonly string[], payload: Buffer): NatsFrame {
  const [verb = "", subject = ""] = words;
  if (verb === "MSG") return { kind: "message", subject, headBytes: 0, payload };
  if (verb === "HMSG") return { kind: "message", subject, headBytes: Number(words.at(-2)), payload };
  const kind = KINDS.get(verb);
  return kind === undefined ? { kind: "error", text: words.join(" ") } : { kind };
}
