import type { Identity } from "../auth/identity.ts";
import type { ToolCallOutcome } from "../chat/tool-call.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf, ReliantError, toReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Logger } from "../core/logger.ts";
import { within } from "../core/within.ts";
import {
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  type Hello,
  Refused_Reason,
} from "../gen/reliant/v1/daemon_pb.ts";
import type { DaemonAddress, DaemonHost, OfferAnswer } from "../routing/daemon-host.ts";
import type { DaemonCommand, ToolRequest } from "../routing/daemon-router.ts";
import type { MessageCheck } from "../routing/message-check.ts";
import type { UpdateHub } from "../updates/update-hub.ts";
import { DaemonRegistry } from "./daemon-registry.ts";
import { DaemonSession, type SessionDeps } from "./daemon-session.ts";
import { drainLeaveMs } from "./drain-leave.ts";
import type { GatewayStore } from "./gateway-store.ts";
import { GatewayUpkeep, type UpkeepTimes } from "./gateway-upkeep.ts";
import { type Refusal, shakeHands } from "./handshake.ts";
import { Inlet } from "./inlet.ts";
import type { LivenessTimes } from "./liveness.ts";
import { Outbound, OutboundFrames } from "./outbound.ts";
import { TimerWheel } from "./timer-wheel.ts";
import { UnhurriedFrames } from "./unhurried-frames.ts";

/** All times of a gateway, milliseconds: those of `LIMITS`, or shortened by tests. */
export type GatewayTimes = UpkeepTimes &
  LivenessTimes & { readonly helloMs: number; readonly wheelTickMs: number; readonly ackDelayMs: number };

export interface ToolsDaemonServiceDeps {
  readonly gatewayId: string;
  readonly store: GatewayStore;
  readonly hub: Pick<UpdateHub, "publish">;
  readonly check: MessageCheck;
  readonly clock: Clock;
  readonly log: Logger;
  readonly times?: Partial<GatewayTimes>;
}

/** Who is at the other end of a stream, and the signal that tells that it is gone. */
export interface DaemonPeer {
  readonly identity: Identity;
  readonly signal: AbortSignal;
}

type DaemonListener = Parameters<DaemonHost["onDaemon"]>[0];

/** Holds the daemons' connections: takes frames and gives frames; sockets are somebody else's. */
export class ToolsDaemonService implements DaemonHost {
  private readonly registry = new DaemonRegistry<DaemonSession>();
  private readonly wheel: TimerWheel;
  private readonly unhurried: UnhurriedFrames;
  private readonly upkeep: GatewayUpkeep;
  private readonly times: GatewayTimes;
  private readonly sessionDeps: SessionDeps;
  private readonly outcomeListeners = new Set<Parameters<DaemonHost["onOutcome"]>[0]>();
  private readonly refusalListeners = new Set<Parameters<DaemonHost["onRefused"]>[0]>();
  private readonly leftListeners = new Set<Parameters<DaemonHost["onLeft"]>[0]>();
  private readonly daemonListeners = new Set<DaemonListener>();
  private readonly serving = new Set<Promise<void>>();
  private stopping = false;
  private unknownFrames = 0;

  constructor(private readonly deps: ToolsDaemonServiceDeps) {
    this.times = { ...LIMITS, ...deps.times };
    this.wheel = new TimerWheel(deps.clock, this.times.wheelTickMs);
    this.upkeep = new GatewayUpkeep({ ...deps, registry: this.registry, times: this.times });
    this.unhurried = new UnhurriedFrames(deps.clock, this.times.ackDelayMs);
    this.sessionDeps = {
      ...deps,
      wheel: this.wheel,
      unhurried: this.unhurried,
      times: this.times,
      onOutcome: (address, toolCallId, outcome) => this.tellOutcome(address, toolCallId, outcome),
      onRefused: (address, toolCallId) => {
        for (const listener of this.refusalListeners) listener(address, toolCallId);
      },
      onLeft: (address, toolCallId) => {
        for (const listener of this.leftListeners) listener(address, toolCallId);
      },
      onUnknownFrame: () => {
        this.unknownFrames += 1;
      },
      onOutput: (session) => this.upkeep.hasOutput(session),
    };
  }

  /** Connections that are here, their open calls, and the frames of all connections so far that were not known and skipped. */
  stats(): { readonly daemons: number; readonly openCalls: number; readonly unknownFrames: number } {
    let openCalls = 0;
    for (const session of this.registry.all()) openCalls += session.openCalls;
    return { daemons: this.registry.size, openCalls, unknownFrames: this.unknownFrames };
  }

  start(): void {
    this.wheel.start();
    this.upkeep.start();
  }

  /**
   * One connection: the daemon's frames in, ours out. It ends with `invalid_argument` for a frame that does not fit,
   * `unauthenticated` for a revoked token, `conflict` for a superseded epoch, `unavailable` where the store or NATS is
   * away; a refused hello is a frame, and then the end.
   */
  connect(frames: AsyncIterable<ConnectRequest>, peer: DaemonPeer): AsyncIterableIterator<ConnectResponse> {
    const [outbound, inlet, iterator] = [new Outbound(), new Inlet(), frames[Symbol.asyncIterator]()];
    void pump(iterator, inlet).catch((error) => inlet.failed(error));
    // Not awaited: a generator that waits for its next frame answers only when that has come.
    const leave = () => void Promise.resolve(iterator.return?.()).catch(() => undefined);
    void this.attach(inlet, outbound, peer).then(leave);
    return new OutboundFrames(outbound);
  }

  /** The same for a connection that is not made of async iterables. Resolves when it has ended; never rejects. */
  attach(inlet: Inlet, outbound: Outbound, peer: DaemonPeer): Promise<void> {
    const served = this.serve(inlet, peer, outbound).finally(() => this.serving.delete(served));
    this.serving.add(served);
    return served;
  }

  offer(address: DaemonAddress, request: ToolRequest): OfferAnswer {
    return this.registry.get(address)?.offer(request) ?? "not_here";
  }

  cancel(address: DaemonAddress, toolCallId: string, kill: boolean): boolean {
    return this.registry.get(address)?.cancel(toolCallId, kill) ?? false;
  }

  isOnline(address: DaemonAddress): boolean {
    return this.registry.get(address)?.isOnline ?? false;
  }

  async command(address: DaemonAddress, command: DaemonCommand, signal: AbortSignal): Promise<void> {
    const session = this.registry.get(address);
    if (session?.isOnline !== true) {
      throw new ReliantError(
        "daemon_offline",
        `send ${command.kind}: daemon ${address.daemonId} is not connected here`,
      );
    }
    await session.command(command, signal);
  }

  onOutcome(listener: (address: DaemonAddress, toolCallId: string, outcome: ToolCallOutcome) => void): () => void {
    this.outcomeListeners.add(listener);
    return () => this.outcomeListeners.delete(listener);
  }

  onRefused(listener: (address: DaemonAddress, toolCallId: string) => void): () => void {
    this.refusalListeners.add(listener);
    return () => this.refusalListeners.delete(listener);
  }

  onLeft(listener: (address: DaemonAddress, toolCallId: string) => void): () => void {
    this.leftListeners.add(listener);
    return () => this.leftListeners.delete(listener);
  }

  onDaemon(listener: DaemonListener): () => void {
    this.daemonListeners.add(listener);
    return () => this.daemonListeners.delete(listener);
  }

  /** Takes no more connections, asks the daemons to go elsewhere, and waits until they have, at most `withinMs`. Then `close`. */
  async drain(withinMs: number = LIMITS.drainMs): Promise<void> {
    this.stopping = true;
    const leaveMs = drainLeaveMs(this.registry.size, withinMs);
    for (const session of this.registry.all()) session.drain(leaveMs);
    const { clock } = this.deps;
    const gone = Promise.allSettled([...this.serving]);
    await within(gone, { ms: withinMs, act: "drain the gateway", clock }).catch((error) =>
      this.deps.log.info("some daemons did not go elsewhere", { left: this.registry.size, cause: messageOf(error) }),
    );
  }

  /** Ends all connections, and resolves when each is noted as ended. */
  async close(): Promise<void> {
    this.stopping = true;
    this.wheel.stop();
    this.unhurried.stop();
    for (const session of this.registry.all()) session.end(stopped());
    await Promise.all([this.upkeep.stop(), ...this.serving]);
  }

  private async serve(inlet: Inlet, peer: DaemonPeer, outbound: Outbound): Promise<void> {
    try {
      if (this.stopping) throw stopped();
      const hello = await this.readHello(inlet, peer.signal);
      const daemons = this.deps.store.daemons;
      const { identity, signal } = peer;
      const shaken = await shakeHands({ daemons, gatewayId: this.deps.gatewayId }, hello, identity, signal);
      if (shaken.kind === "refused") return refuse(outbound, shaken.refusal);
      const session = new DaemonSession(this.sessionDeps, shaken.address, peer.identity.tokenId, outbound);
      await this.hold(session, () => session.welcome(hello, shaken.protocolVersion), inlet, outbound, peer.signal);
    } catch (error) {
      const known = toReliantError(error, "connect a daemon");
      if (known.code === "internal") this.deps.log.error("a daemon could not be connected", { cause: known.message });
      outbound.cut(known);
    } finally {
      outbound.close();
    }
  }

  private async readHello(inlet: Inlet, signal: AbortSignal): Promise<Hello> {
    const { clock } = this.deps;
    const first = await within(inlet.first, {
      ms: this.times.helloMs,
      act: "wait for the daemon's hello",
      clock,
      signal,
    });
    const { frame } = first;
    if (frame.case !== "hello") {
      throw new ReliantError(
        "invalid_argument",
        `read the daemon's first frame: it is ${frame.case ?? "unknown"}, not hello`,
      );
    }
    const fault = this.deps.check(ConnectRequestSchema, first);
    if (fault !== undefined) throw new ReliantError("invalid_argument", `read frame hello of the daemon: ${fault}`);
    return frame.value;
  }

  /** From the new epoch to its end. The welcome goes out only when whoever routes to the daemon listens, and the store says connected. */
  private async hold(
    session: DaemonSession,
    welcome: () => void,
    inlet: Inlet,
    outbound: Outbound,
    signal: AbortSignal,
  ): Promise<void> {
    const { address } = session;
    const { clock, log, store } = this.deps;
    const fence = { daemonId: address.daemonId, epoch: address.epoch };
    const put = this.registry.put(session);
    put.superseded?.end(new ReliantError("conflict", `daemon ${address.daemonId} has connected again`));
    if (!put.taken)
      return refuse(outbound, supersededBy(this.registry.getDaemon(address.daemonId)?.address.epoch ?? 0));
    const onAbort = () => session.end(undefined);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const act = `subscribe for daemon ${address.daemonId}`;
      const begun = Promise.all([...this.daemonListeners].map((listener) => listener.begins(address)));
      await within(begun, { ms: this.times.helloMs, act, clock, signal });
      if (!(await store.daemons.markConnected(fence, clock.now()))) return refuse(outbound, supersededBy(0));
      welcome();
      log.info("daemon connected", { daemonId: address.daemonId, epoch: address.epoch });
      inlet.handOver(session);
      if (signal.aborted || this.stopping) session.end(this.stopping ? stopped() : undefined);
      await session.ended;
      log.info("daemon disconnected", { daemonId: address.daemonId, epoch: address.epoch });
    } catch (error) {
      session.end(toReliantError(error, `connect daemon ${address.daemonId}`));
    } finally {
      signal.removeEventListener("abort", onAbort);
      session.end(undefined);
      this.registry.remove(session);
      for (const listener of this.daemonListeners) listener.ended(address);
      await store.daemons.markDisconnected(fence).catch((error) =>
        log.warn("a daemon could not be noted as disconnected", {
          daemonId: address.daemonId,
          cause: messageOf(error),
        }),
      );
    }
  }

  private tellOutcome(address: DaemonAddress, toolCallId: string, outcome: ToolCallOutcome): void {
    for (const listener of this.outcomeListeners) listener(address, toolCallId, outcome);
  }
}

/** Hands the frames on, each when the one before has room. */
async function pump(frames: AsyncIterator<ConnectRequest>, inlet: Inlet): Promise<void> {
  for (;;) {
    const step = await frames.next();
    if (step.done === true) return inlet.finished();
    await inlet.take(step.value);
  }
}

function refuse(outbound: Outbound, refusal: Refusal): void {
  const { reason, message, currentEpoch, protocol } = refusal;
  const versions = { minProtocolVersion: protocol?.min ?? 0, maxProtocolVersion: protocol?.max ?? 0 };
  outbound.push({ case: "refused", value: { reason, message, currentEpoch: BigInt(currentEpoch), ...versions } });
  outbound.close();
}

function supersededBy(currentEpoch: number): Refusal {
  return { reason: Refused_Reason.EPOCH, message: "a newer connection of this daemon came meanwhile", currentEpoch };
}

function stopped(): ReliantError {
  return new ReliantError("unavailable", "the gateway is stopping: connect to another one");
}
