import type { ToolCallOutcome } from "../chat/tool-call.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf, ReliantError, toReliantError, unreachable } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Logger } from "../core/logger.ts";
import { type ConnectRequest, ConnectRequestSchema, type Hello, Refused_Reason } from "../gen/reliant/v1/daemon_pb.ts";
import type { DaemonAddress, OfferAnswer } from "../routing/daemon-host.ts";
import { GATEWAY_CAPABILITIES } from "../routing/daemon-protocol.ts";
import type { DaemonCommand, ToolRequest } from "../routing/daemon-router.ts";
import type { MessageCheck } from "../routing/message-check.ts";
import { invocationOf } from "../routing/tool-message.ts";
import { UnknownFrames, unknownKinds } from "../routing/unknown-frames.ts";
import type { UpdateHub } from "../updates/update-hub.ts";
import { CallDesk } from "./call-desk.ts";
import { CommandDesk } from "./command-desk.ts";
import type { GatewayStore } from "./gateway-store.ts";
import type { FrameReceiver } from "./inlet.ts";
import { type LivenessTimes, livenessStep } from "./liveness.ts";
import type { Outbound, OutboundFrame } from "./outbound.ts";
import { OutputRelay } from "./output-relay.ts";
import type { SessionLink } from "./session-link.ts";
import type { TimerWheel, WheelEntry } from "./timer-wheel.ts";
import type { UnhurriedFrames } from "./unhurried-frames.ts";

export interface SessionDeps {
  readonly gatewayId: string;
  readonly store: Pick<GatewayStore, "toolCalls" | "updates">;
  readonly hub: Pick<UpdateHub, "publish">;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly unhurried: UnhurriedFrames;
  readonly times: LivenessTimes;
  readonly check: MessageCheck;
  readonly log: Logger;
  onOutcome(address: DaemonAddress, toolCallId: string, outcome: ToolCallOutcome): void;
  onRefused(address: DaemonAddress, toolCallId: string): void;
  /** The connection has ended, and with it what it knew of the call. */
  onLeft(address: DaemonAddress, toolCallId: string): void;
  /** A frame of a kind that is not known here was skipped. */
  onUnknownFrame(): void;
  /** Live output has come: refill the session within `LIMITS.outputRefillMs`. */
  onOutput(session: DaemonSession): void;
}

/**
 * One daemon's connection under one epoch, from its welcome to its end: takes frames, gives frames, and tells the
 * ledger. Nothing that comes after its end has an effect.
 */
export class DaemonSession implements SessionLink, FrameReceiver, WheelEntry {
  wheelSlot?: number | undefined;
  /** Resolves when the session has ended, by whatever. */
  readonly ended: Promise<void>;
  private readonly calls: CallDesk;
  private readonly output: OutputRelay;
  private readonly commands: CommandDesk;
  private resolveEnded: () => void = () => undefined;
  private over = false;
  private welcomed = false;
  private leaving = false;
  /** True while we do not read: then silence is ours. */
  private held = false;
  private lastHeardMs: number;
  private lastSentMs: number;
  private busySinceMs: number | undefined;
  private beats = 0n;
  private readonly unknown: UnknownFrames;

  constructor(
    private readonly deps: SessionDeps,
    readonly address: DaemonAddress,
    readonly tokenId: string | undefined,
    private readonly outbound: Outbound,
  ) {
    const { clock, store, hub, log } = deps;
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
    this.calls = new CallDesk(
      {
        toolCalls: store.toolCalls,
        log,
        onOutcome: (toolCallId, outcome) => deps.onOutcome(address, toolCallId, outcome),
        onRefused: (toolCallId) => deps.onRefused(address, toolCallId),
        onClosed: (toolCallId) => this.closed(toolCallId),
      },
      this,
    );
    this.output = new OutputRelay({ toolCalls: store.toolCalls, updates: store.updates, hub, log }, this);
    this.commands = new CommandDesk(this, clock);
    this.unknown = new UnknownFrames(log, { daemonId: address.daemonId });
    this.lastHeardMs = this.nowMs();
    this.lastSentMs = this.lastHeardMs;
  }

  get isEnded(): boolean {
    return this.over;
  }

  get isLeaving(): boolean {
    return this.leaving;
  }

  get isOnline(): boolean {
    return this.welcomed && !this.over;
  }

  get openCalls(): number {
    return this.calls.openCount;
  }

  /** True where the daemon was heard of since then, by the monotonic clock. */
  heardSince(monotonicMs: number): boolean {
    return this.lastHeardMs >= monotonicMs;
  }

  /** The daemon is connected from now on. */
  welcome(hello: Hello, protocolVersion: number): void {
    if (this.over) return;
    this.welcomed = true;
    const { daemonId, userId, epoch } = this.address;
    this.send({
      case: "welcome",
      value: {
        daemonId,
        userId,
        epoch: BigInt(epoch),
        gatewayId: this.deps.gatewayId,
        protocolVersion,
        capabilities: [...GATEWAY_CAPABILITIES],
      },
    });
    for (const toolCallId of hello.runningToolCallIds) this.calls.note(toolCallId);
    this.schedule();
  }

  receive(frame: ConnectRequest): Promise<void> | undefined {
    if (this.over) return undefined;
    this.lastHeardMs = this.nowMs();
    const room = this.take(frame);
    if (room === undefined) return undefined;
    this.held = true;
    return room.then(() => {
      this.held = false;
      this.lastHeardMs = this.nowMs();
    });
  }

  finished(): void {
    this.end(undefined);
  }

  failed(error: unknown): void {
    this.end(toReliantError(error, "read the daemon's stream"));
  }

  offer(request: ToolRequest): OfferAnswer {
    if (!this.isOnline) return "not_here";
    const bytes = Buffer.byteLength(request.inputJson);
    if (!this.outbound.hasRoom(bytes) || !this.calls.note(request.toolCallId, request.chatId)) return "busy";
    const frame: OutboundFrame = {
      case: "offer",
      value: {
        toolCallId: request.toolCallId,
        invocation: invocationOf(request),
        traceparent: request.traceparent ?? "",
      },
    };
    this.outbound.push(frame, bytes);
    this.sent();
    return "accepted";
  }

  cancel(toolCallId: string, kill: boolean): boolean {
    if (!this.isOnline) return false;
    this.sendControl({ case: "cancel", value: { toolCallId, kill } });
    return true;
  }

  command(command: DaemonCommand, signal: AbortSignal): Promise<void> {
    return this.commands.send(command, signal);
  }

  drain(withinMs: number): void {
    this.leaving = true;
    this.sendControl({ case: "drain", value: { withinMs: BigInt(withinMs) } });
  }

  /** The token is no longer valid: the daemon is told to stop, and the stream ends. */
  revoke(): void {
    const message = "the token was revoked or has expired: run `reliant daemon register` again";
    const { address } = this;
    const refused = { reason: Refused_Reason.TOKEN, message, currentEpoch: BigInt(address.epoch) };
    this.outbound.push({ case: "refused", value: refused });
    this.outbound.close(new ReliantError("unauthenticated", message));
    this.end(undefined);
  }

  /** See {@link OutputRelay.refill}. */
  refill(): boolean {
    return !this.over && this.output.refill();
  }

  send(frame: OutboundFrame): void {
    if (this.outbound.push(frame)) this.sent();
    else this.unread();
  }

  sendControl(frame: OutboundFrame): void {
    if (this.outbound.pushControl(frame)) this.sent();
    else this.unread();
  }

  sendLater(frame: OutboundFrame): void {
    if (this.outbound.pushLater(frame)) {
      this.lastSentMs = this.nowMs();
      this.deps.unhurried.wakeSoon(this.outbound);
    } else {
      this.unread();
    }
  }

  /** Ends the stream: with the error, and without what is queued; or well, after it. Only the first call counts. */
  end(reason: ReliantError | undefined): void {
    if (this.over) return;
    this.over = true;
    this.deps.wheel.cancel(this);
    this.calls.stop();
    this.commands.close();
    this.unknown.close();
    if (reason === undefined) this.outbound.close();
    else this.outbound.cut(reason);
    this.resolveEnded();
    this.tellLeft();
  }

  onDue(): void {
    const view = {
      nowMs: this.nowMs(),
      lastHeardMs: this.held ? this.nowMs() : this.lastHeardMs,
      lastSentMs: this.lastSentMs,
      busySinceMs: this.busySinceMs,
    };
    const step = livenessStep(view, this.deps.times);
    if (step.dead) {
      this.end(new ReliantError("unavailable", `daemon ${this.address.daemonId} was silent for too long`));
      return;
    }
    if (step.beat) {
      this.beats += 1n;
      this.sendControl({ case: "heartbeat", value: { sequence: this.beats } });
    }
    if (!this.over) this.deps.wheel.schedule(this, step.nextMs);
  }

  /** A promise where the next frame must wait. A frame that does not fit ends the session. */
  private take(frame: ConnectRequest): Promise<void> | undefined {
    const fault = this.deps.check(ConnectRequestSchema, frame);
    if (fault !== undefined) {
      this.end(new ReliantError("invalid_argument", `read frame ${frame.frame.case ?? ""} of the daemon: ${fault}`));
      return undefined;
    }
    const { frame: kind } = frame;
    switch (kind.case) {
      case "heartbeat":
        return undefined;
      case "ready": {
        const room = this.calls.ready(kind.value);
        this.schedule();
        return room;
      }
      case "result":
        return this.calls.result(kind.value);
      case "output":
        this.output.take(kind.value, this.calls.chatOf(kind.value.toolCallId));
        this.deps.onOutput(this);
        return undefined;
      case "commandResult":
        this.commands.take(kind.value);
        return undefined;
      case "offerRefused":
        this.calls.refused(kind.value);
        return undefined;
      case "hello":
        this.end(new ReliantError("invalid_argument", "read frame hello of the daemon: it has said hello already"));
        return undefined;
      case undefined:
        this.unknown.skip(unknownKinds(frame));
        this.deps.onUnknownFrame();
        return undefined;
      default:
        return unreachable(kind);
    }
  }

  private closed(toolCallId: string): void {
    this.output.end(toolCallId);
    if (this.calls.openCount === 0) this.busySinceMs = undefined;
  }

  /** Last, and each by itself: the session has ended whatever a listener does. */
  private tellLeft(): void {
    for (const toolCallId of this.calls.openIds) {
      try {
        this.deps.onLeft(this.address, toolCallId);
      } catch (error) {
        this.deps.log.error("whoever listens to the end of a call's connection has failed", {
          toolCallId,
          cause: messageOf(error),
        });
      }
    }
  }

  private sent(): void {
    this.lastSentMs = this.nowMs();
    this.schedule();
  }

  /** Notices that a call is open, and is called when the next heartbeat is due. */
  private schedule(): void {
    if (this.over) return;
    const wasBusy = this.busySinceMs !== undefined;
    if (!wasBusy && this.calls.openCount > 0) this.busySinceMs = this.nowMs();
    if (this.wheelSlot !== undefined && wasBusy === (this.busySinceMs !== undefined)) return;
    const { heartbeatBusyMs, heartbeatIdleMs } = this.deps.times;
    this.deps.wheel.schedule(this, this.busySinceMs === undefined ? heartbeatIdleMs : heartbeatBusyMs);
  }

  private unread(): void {
    const most = LIMITS.outboundFrames;
    this.end(
      new ReliantError("resource_exhausted", `daemon ${this.address.daemonId} does not read: ${most} frames wait`),
    );
  }

  private nowMs(): number {
    return this.deps.clock.stamp().monotonicMs;
  }
}
