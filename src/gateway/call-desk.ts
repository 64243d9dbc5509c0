import type { ToolCallOutcome } from "../chat/tool-call.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Logger } from "../core/logger.ts";
import type { CallResult, OfferRefused, Ready } from "../gen/reliant/v1/daemon_pb.ts";
import type { DaemonFence } from "../store/daemons.ts";
import type { DaemonAnswer, ToolCalls } from "../store/tool-calls.ts";
import { endingOf, resultOf, sizeOf } from "./call-result.ts";
import type { SessionLink } from "./session-link.ts";

export interface CallDeskDeps {
  readonly toolCalls: Pick<ToolCalls, "daemonReady" | "daemonResult">;
  readonly log: Logger;
  /** The ledger has this outcome. */
  onOutcome(toolCallId: string, outcome: ToolCallOutcome): void;
  onRefused(toolCallId: string): void;
  /** The call is open no more: offers, output and heartbeats need not think of it. */
  onClosed(toolCallId: string): void;
}

/**
 * The tool calls of one connection: what its daemon says of them goes to the ledger, and what the ledger answers goes to
 * the daemon. The frames of one call are handled one after the other, those of different calls at once. A frame whose
 * handling fails (the store is away) is dropped: the daemon repeats it.
 */
export class CallDesk {
  /** Calls that are neither acked nor withdrawn here, with their chat where it is known. */
  private readonly open = new Map<string, string | undefined>();
  private readonly handling = new Map<string, Promise<void>>();
  private readonly fence: DaemonFence;
  private framesInHand = 0;
  private bytesInHand = 0;
  private makeRoom: (() => void) | undefined;

  constructor(
    private readonly deps: CallDeskDeps,
    private readonly link: SessionLink,
  ) {
    this.fence = { daemonId: link.address.daemonId, epoch: link.address.epoch };
  }

  get openCount(): number {
    return this.open.size;
  }

  get openIds(): Iterable<string> {
    return this.open.keys();
  }

  isOpen(toolCallId: string): boolean {
    return this.open.has(toolCallId);
  }

  chatOf(toolCallId: string): string | undefined {
    return this.open.get(toolCallId);
  }

  /** Notes a call as open. False: the daemon has as many as it may. */
  note(toolCallId: string, chatId?: string): boolean {
    const known = this.open.has(toolCallId);
    if (!known && this.open.size >= LIMITS.daemonOpenCalls) return false;
    this.open.set(toolCallId, chatId ?? this.open.get(toolCallId));
    return true;
  }

  /** Nobody waits for room any more. */
  stop(): void {
    this.makeRoom?.();
  }

  refused(frame: OfferRefused): void {
    this.close(frame.toolCallId);
    this.deps.onRefused(frame.toolCallId);
  }

  /** Answers a promise where the daemon's next frame must wait: as much as may be is in hand. */
  ready(frame: Ready): Promise<void> | undefined {
    const { toolCallId, journalId } = frame;
    this.note(toolCallId);
    return this.handle(toolCallId, 0, async () => {
      const answer = await this.deps.toolCalls.daemonReady(this.fence, { toolCallId, journalId });
      const said = this.take(toolCallId, answer);
      if (said === "grant") {
        // The ready's own stamp: the daemon measures the age of the grant by it.
        const stamp = frame.stamp === undefined ? {} : { stamp: frame.stamp };
        this.link.send({ case: "grant", value: { toolCallId, ...stamp } });
      }
    });
  }

  result(frame: CallResult): Promise<void> | undefined {
    const { toolCallId, journalId } = frame;
    const result = resultOf(frame.result);
    const ending = endingOf(frame);
    return this.handle(toolCallId, sizeOf(frame), async () => {
      const told = { toolCallId, journalId, ending, ...(result === undefined ? {} : { result }) };
      this.take(toolCallId, await this.deps.toolCalls.daemonResult(this.fence, told));
    });
  }

  /** What the ledger answered, passed on to the daemon and to whoever waits. Nothing of it once the session has ended. */
  private take(toolCallId: string, answer: DaemonAnswer): "grant" | undefined {
    if (this.link.isEnded) return undefined;
    if (answer.kind === "fenced") {
      // On its way elsewhere: it leaves when its next connection is welcome, and `supersededCheckMs` ends what stays.
      if (this.link.isLeaving) return undefined;
      const { daemonId, epoch } = this.fence;
      this.link.end(new ReliantError("conflict", `epoch ${epoch} of daemon ${daemonId} is superseded: connect again`));
      return undefined;
    }
    if (answer.answer === "ack") {
      // Nobody waits for it: until it comes the daemon only keeps the result, and repeats it after seconds.
      this.link.sendLater({ case: "ack", value: { toolCallId } });
      this.close(toolCallId);
    }
    if (answer.answer === "withdraw") {
      this.link.send({ case: "withdraw", value: { toolCallId } });
      this.close(toolCallId);
    }
    if (answer.outcome !== undefined) this.deps.onOutcome(toolCallId, answer.outcome);
    return answer.answer === "grant" ? "grant" : undefined;
  }

  private close(toolCallId: string): void {
    if (this.open.delete(toolCallId)) this.deps.onClosed(toolCallId);
  }

  private handle(toolCallId: string, bytes: number, work: () => Promise<void>): Promise<void> | undefined {
    const before = this.handling.get(toolCallId);
    this.framesInHand += 1;
    this.bytesInHand += bytes;
    const handled = this.settle(toolCallId, before === undefined ? work() : before.then(work)).then(() => {
      if (this.handling.get(toolCallId) === handled) this.handling.delete(toolCallId);
      this.framesInHand -= 1;
      this.bytesInHand -= bytes;
      if (this.hasRoom()) this.makeRoom?.();
    });
    this.handling.set(toolCallId, handled);
    if (this.hasRoom()) return undefined;
    return new Promise((resolve) => {
      this.makeRoom = resolve;
    });
  }

  private async settle(toolCallId: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      const { daemonId } = this.fence;
      this.deps.log.warn("a frame was not handled, the daemon will repeat it", {
        toolCallId,
        daemonId,
        cause: messageOf(error),
      });
    }
  }

  private hasRoom(): boolean {
    return this.framesInHand < LIMITS.inboundFrames && this.bytesInHand < LIMITS.inboundBytes;
  }
}
