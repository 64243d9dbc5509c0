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

/** A frame about a call that is to be told to the ledger. */
interface FrameInHand {
  readonly toolCallId: string;
  /** What it keeps in memory meanwhile, about. */
  readonly bytes: number;
  /** What it says, told to the ledger. */
  ask(): Promise<DaemonAnswer>;
  /** The ledger has answered that the call may start. */
  granted(): void;
  /** Resolves when the ledger has answered, or has failed to. */
  handled?: Promise<void>;
}

/**
 * The tool calls of one connection: what its daemon says of them goes to the ledger, and what the ledger answers goes to
 * the daemon. The frames of one call are handled one after the other, those of different calls at once. A frame whose
 * handling fails (the store is away) is dropped: the daemon repeats it.
 */
export class CallDesk {
  /** Calls that are neither acked nor withdrawn here, with their chat where it is known. */
  private readonly open = new Map<string, string | undefined>();
  /** Of each call the last of its frames. */
  private readonly handling = new Map<string, FrameInHand>();
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
    return this.handle({
      toolCallId,
      bytes: 0,
      ask: () => this.deps.toolCalls.daemonReady(this.fence, { toolCallId, journalId }),
      granted: () => {
        // The ready's own stamp: the daemon measures the age of the grant by it.
        const value = frame.stamp === undefined ? { toolCallId } : { toolCallId, stamp: frame.stamp };
        this.link.send({ case: "grant", value });
      },
    });
  }

  result(frame: CallResult): Promise<void> | undefined {
    const { toolCallId, journalId } = frame;
    const result = resultOf(frame.result);
    const ending = endingOf(frame);
    const told = result === undefined ? { toolCallId, journalId, ending } : { toolCallId, journalId, ending, result };
    return this.handle({
      toolCallId,
      bytes: sizeOf(frame),
      ask: () => this.deps.toolCalls.daemonResult(this.fence, told),
      granted: () => undefined,
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

  private handle(frame: FrameInHand): Promise<void> | undefined {
    const { toolCallId } = frame;
    this.framesInHand += 1;
    this.bytesInHand += frame.bytes;
    const before = this.handling.get(toolCallId)?.handled;
    this.handling.set(toolCallId, frame);
    frame.handled = this.settle(frame, before);
    if (this.hasRoom()) return undefined;
    return new Promise((resolve) => {
      this.makeRoom = resolve;
    });
  }

  /** Never rejects. */
  private async settle(frame: FrameInHand, before: Promise<void> | undefined): Promise<void> {
    const { toolCallId } = frame;
    try {
      if (before !== undefined) await before;
      if (this.take(toolCallId, await frame.ask()) === "grant") frame.granted();
    } catch (error) {
      const { daemonId } = this.fence;
      this.deps.log.warn("a frame was not handled, the daemon will repeat it", {
        toolCallId,
        daemonId,
        cause: messageOf(error),
      });
    }
    if (this.handling.get(toolCallId) === frame) this.handling.delete(toolCallId);
    this.framesInHand -= 1;
    this.bytesInHand -= frame.bytes;
    if (this.hasRoom()) this.makeRoom?.();
  }

  private hasRoom(): boolean {
    return this.framesInHand < LIMITS.inboundFrames && this.bytesInHand < LIMITS.inboundBytes;
  }
}
