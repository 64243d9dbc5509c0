import type { Logger } from "../core/logger.ts";

/** Frames of one connection that this side does not know, skipped and counted: a newer peer may send them. */
export class UnknownFrames {
  private seen = 0;
  private closed = false;

  constructor(
    private readonly log: Logger,
    private readonly about: Readonly<Record<string, string>>,
  ) {}

  get count(): number {
    return this.seen;
  }

  /** `what`: its kind, or what is missing. The first one is told at once. */
  skip(what: string): void {
    this.seen += 1;
    if (this.seen === 1) this.log.warn("a frame that is not known here was skipped", { ...this.about, what });
  }

  /** The connection has ended: tells once how many there were, where there were any. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.seen > 0)
      this.log.info("frames that are not known here were skipped", { ...this.about, count: this.seen });
  }
}

/** Kinds of a frame that has none that we know, by the numbers of its fields. */
export function unknownKinds(message: { readonly $unknown?: readonly { readonly no: number }[] | undefined }): string {
  const numbers = (message.$unknown ?? []).map(({ no }) => no);
  return numbers.length === 0 ? "an empty frame" : `frame kind ${numbers.join(", ")}`;
}
