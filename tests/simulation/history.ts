/** Lines that a failure prints. */
const KEPT = 40;

/** What happened, in words: the newest lines, and a digest of all of them, by which two runs are compared. */
export class History {
  private readonly lines: string[] = [];
  private at = 0;
  private digest = 0n;
  private readonly names = new Map<string, string>();
  private readonly perKind = new Map<string, number>();

  constructor(
    private readonly now: () => number,
    private readonly onLine: (line: string) => void,
  ) {}

  note(text: string): void {
    const line = `${(this.now() / 1000).toFixed(3)} ${text}`;
    this.digest = Bun.hash.wyhash(line, this.digest);
    this.lines[this.at % KEPT] = line;
    this.at++;
    this.onLine(line);
  }

  /** `call_0190…` as `call 7`: the seventh of its kind that was named. */
  name(id: string | null | undefined): string {
    if (id === null || id === undefined) return "nobody";
    const known = this.names.get(id);
    if (known !== undefined) return known;
    const kind = id.split("_")[0] ?? id;
    const count = (this.perKind.get(kind) ?? 0) + 1;
    this.perKind.set(kind, count);
    const name = `${kind} ${count}`;
    this.names.set(id, name);
    return name;
  }

  /** The newest lines, oldest first, and the digest of everything. */
  tail(): readonly string[] {
    const first = Math.max(0, this.at - KEPT);
    const newest = Array.from({ length: this.at - first }, (_, index) => this.lines[(first + index) % KEPT] ?? "");
    return [...newest, `${this.at} events, digest ${this.digest.toString(16)}`];
  }
}
