/** The newest characters of a program's output. */
export class OutputTail {
  private chunks: string[] = [];
  private characters = 0;

  constructor(private readonly keptCharacters: number) {}

  add(text: string): void {
    this.chunks.push(text);
    this.characters += text.length;
    // Twice what is kept, so that what is old is cut off once in a while and not with each chunk.
    if (this.characters > 2 * this.keptCharacters) this.text();
  }

  text(): string {
    const kept = this.chunks.join("").slice(-this.keptCharacters);
    this.chunks = [kept];
    this.characters = kept.length;
    return kept;
  }

  lastLines(count: number): string {
    return this.text().trimEnd().split("\n").slice(-count).join("\n");
  }
}
