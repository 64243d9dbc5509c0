import type { ToolOutputChunk } from "../chat/chat-update.ts";
import { messageOf } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Logger } from "../core/logger.ts";
import { type Output, Output_Channel } from "../gen/reliant/v1/daemon_pb.ts";
import type { ToolCalls } from "../store/tool-calls.ts";
import type { Updates } from "../store/updates.ts";
import type { UpdateHub } from "../updates/update-hub.ts";
import type { SessionLink } from "./session-link.ts";

export interface OutputRelayDeps {
  readonly toolCalls: Pick<ToolCalls, "find">;
  readonly updates: Pick<Updates, "saveLiveOutput">;
  readonly hub: Pick<UpdateHub, "publish">;
  readonly log: Logger;
}

/** The output of one call on one connection. */
interface Feed {
  /** Undefined: not known yet, or not a call of this daemon. */
  chatId: string | undefined;
  creditBytes: number;
  /** Where the next chunk begins if nothing is lost; undefined before the first. */
  nextOffset: number | undefined;
  unsaved: ToolOutputChunk | undefined;
}

/**
 * Live output of one connection's calls on its way to whoever watches: a lossy view. A call may send
 * `LIMITS.outputCreditBytes`; what it used is given back with each `refill`, once a second. What comes beyond its credit
 * is dropped and told as a gap with the next chunk.
 */
export class OutputRelay {
  private readonly feeds = new Map<string, Feed>();
  private lookups = 0;

  constructor(
    private readonly deps: OutputRelayDeps,
    private readonly link: SessionLink,
  ) {}

  /** `chatId`: of the call, where this connection offered it. */
  take(frame: Output, chatId: string | undefined): void {
    const feed = this.feeds.get(frame.toolCallId) ?? this.begin(frame.toolCallId, chatId);
    const offset = Number(frame.offset);
    if (feed?.chatId === undefined || frame.data.length > feed.creditBytes) return;
    const lost = feed.nextOffset === undefined ? Number(frame.gapBytes) : offset - feed.nextOffset;
    feed.creditBytes -= frame.data.length;
    feed.nextOffset = offset + frame.data.length;
    const chunk: ToolOutputChunk = {
      chatId: feed.chatId,
      toolCallId: frame.toolCallId,
      channel: frame.channel === Output_Channel.STDERR ? "stderr" : "stdout",
      offset,
      data: Buffer.from(frame.data).toString("base64"),
      gapBytes: Math.max(0, lost),
    };
    this.deps.hub.publish({ kind: "tool_output", userId: this.link.address.userId, chunk });
    feed.unsaved = chunk;
  }

  /** Gives credit back and stores the latest piece of each call. False: there was nothing to do. */
  refill(): boolean {
    let busy = false;
    for (const [toolCallId, feed] of this.feeds) {
      if (feed.unsaved === undefined) continue;
      busy = true;
      this.deps.updates.saveLiveOutput(feed.unsaved);
      feed.unsaved = undefined;
      const bytes = BigInt(LIMITS.outputCreditBytes - feed.creditBytes);
      feed.creditBytes = LIMITS.outputCreditBytes;
      this.link.sendControl({ case: "outputCredit", value: { toolCallId, bytes } });
    }
    return busy;
  }

  /** The call has ended: its result takes the place of its live output. */
  end(toolCallId: string): void {
    this.feeds.delete(toolCallId);
  }

  private begin(toolCallId: string, chatId: string | undefined): Feed | undefined {
    if (this.feeds.size >= LIMITS.daemonOpenCalls) return undefined;
    if (chatId === undefined && this.lookups >= LIMITS.outputLookups) return undefined;
    const feed: Feed = { chatId, creditBytes: LIMITS.outputCreditBytes, nextOffset: undefined, unsaved: undefined };
    this.feeds.set(toolCallId, feed);
    if (chatId === undefined) void this.findChat(toolCallId, feed);
    return feed;
  }

  /** A call that another gateway offered. Until its chat is known its output is lost; a call of somebody else stays without. */
  private async findChat(toolCallId: string, feed: Feed): Promise<void> {
    const { userId, daemonId } = this.link.address;
    this.lookups += 1;
    try {
      const call = await this.deps.toolCalls.find(toolCallId);
      if (call?.userId === userId && call.daemonId === daemonId) feed.chatId = call.chatId;
    } catch (error) {
      this.feeds.delete(toolCallId);
      this.deps.log.warn("the chat of live output is not known", { toolCallId, cause: messageOf(error) });
    } finally {
      this.lookups -= 1;
    }
  }
}
