/** Of longer output nothing is looked for in the result, characters. */
const COMPARED = 64 * 1024;

/** The live output of one tool call, cut into whole lines: a chunk may end within one, or within a character. */
export class LiveLines {
  private readonly decoder = new TextDecoder();
  private tail = "";
  private all = "";

  /** The whole lines that stand now. */
  take(data: Uint8Array): string {
    const fresh = this.decoder.decode(data, { stream: true });
    if (this.all.length <= COMPARED) this.all += fresh;
    const text = this.tail + fresh;
    const end = text.lastIndexOf("\n") + 1;
    this.tail = text.slice(end);
    return text.slice(0, end);
  }

  /** What is still to be shown when the result is there: the last line begun, and what the result has behind the live output, which is a lossy view. */
  missing(result: string): string {
    const rest = this.tail + this.decoder.decode();
    const seen = this.all.trimEnd();
    const at = this.all.length <= COMPARED ? result.indexOf(seen) : -1;
    if (at < 0) return rest;
    return rest + result.slice(at + seen.length).replace(rest === "" ? /^\n/ : "", "");
  }
}
