/**
 * Who is to be rung when a tool call has its outcome, by call. Bounded: the oldest call is forgotten first, and whoever
 * waited for it finds the outcome by the poll.
 */
export class RingBook {
  private readonly replies = new Map<string, string[]>();

  constructor(private readonly maxCalls: number) {}

  /** A worker that took over asks again: both are noted, of more the last four. */
  note(toolCallId: string, replyTo: string): void {
    const known = this.replies.get(toolCallId);
    if (known !== undefined) {
      if (!known.includes(replyTo)) known.push(replyTo);
      if (known.length > 4) known.shift();
      return;
    }
    if (this.replies.size >= this.maxCalls) {
      for (const oldest of this.replies.keys()) {
        this.replies.delete(oldest);
        break;
      }
    }
    this.replies.set(toolCallId, [replyTo]);
  }

  forget(toolCallId: string, replyTo: string | undefined): void {
    const known = this.replies.get(toolCallId);
    const index = replyTo === undefined ? -1 : (known?.indexOf(replyTo) ?? -1);
    if (known === undefined || index < 0) return;
    known.splice(index, 1);
    if (known.length === 0) this.replies.delete(toolCallId);
  }

  has(toolCallId: string, replyTo: string): boolean {
    return this.replies.get(toolCallId)?.includes(replyTo) ?? false;
  }

  /** Everybody to ring, and forgets them. */
  take(toolCallId: string): readonly string[] {
    const known = this.replies.get(toolCallId) ?? [];
    this.replies.delete(toolCallId);
    return known;
  }
}
