/** What one part of a process counts, or holds now. */
export type Counts = Readonly<Record<string, number>>;

/** What a process counts, by the part that does, for operators: read when somebody asks. */
export class Counters {
  private readonly parts = new Map<string, () => Counts>();

  /** Adds a part, or takes the place of the one of that name. */
  set(part: string, read: () => Counts): void {
    this.parts.set(part, read);
  }

  read(): Readonly<Record<string, Counts>> {
    return Object.fromEntries([...this.parts].map(([part, read]) => [part, read()]));
  }
}
