import type { ToolOutputChunk } from "../chat/chat-update.ts";

/** Calls whose output one client follows at once; of more, the oldest is forgotten. */
const CALLS_MAX = 1024;

/** What one client has of the output of running tools: each byte at most once, in order; what is missing is a gap. */
export class OutputFollower {
  /** Bytes of each call's output that the client has or was told to be missing; undefined before the first. */
  private readonly reached = new Map<string, number | undefined>();

  /** The client knows of the call: its output may come. */
  begin(toolCallId: string): void {
    if (!this.reached.has(toolCallId)) this.set(toolCallId, undefined);
  }

  isBegun(toolCallId: string): boolean {
    return this.reached.has(toolCallId);
  }

  /** The part of the chunk that is new, with the gap before it; undefined where nothing is. */
  take(chunk: ToolOutputChunk): ToolOutputChunk | undefined {
    const reached = this.reached.get(chunk.toolCallId);
    const data = Buffer.from(chunk.data, "base64");
    const end = chunk.offset + data.length;
    if (reached !== undefined && end <= reached) return undefined;
    this.set(chunk.toolCallId, end);
    if (reached === undefined) return chunk;
    const skip = Math.max(0, reached - chunk.offset);
    return {
      ...chunk,
      offset: chunk.offset + skip,
      data: data.subarray(skip).toString("base64"),
      gapBytes: Math.max(0, chunk.offset - reached),
    };
  }

  /** The call has ended: its result stands in the chat. Late chunks are passed over. */
  settle(toolCallId: string): void {
    this.set(toolCallId, Number.POSITIVE_INFINITY);
  }

  private set(toolCallId: string, bytes: number | undefined): void {
    this.reached.set(toolCallId, bytes);
    const [oldest] = this.reached.keys();
    if (this.reached.size > CALLS_MAX && oldest !== undefined) this.reached.delete(oldest);
  }
}
