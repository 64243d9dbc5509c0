import type { Identity } from "../../src/auth/identity.ts";
import { ageMs } from "../../src/core/clock.ts";
import { ReliantError, toReliantError } from "../../src/core/errors.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { GatewayTransport } from "../../src/daemon/gateway-transport.ts";
import type { JournalEntry } from "../../src/daemon/journal.ts";
import type { ConnectRequest, ConnectResponse } from "../../src/gen/reliant/v1/daemon_pb.ts";
import { Lane } from "./lane.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

/** A gateway as the network sees it. */
export interface StreamTarget {
  readonly life: Life;
  /** Lets the caller in, as the production port does: throws `unauthenticated` and so on. */
  admit(token: string, signal: AbortSignal): Promise<Identity>;
  connect(
    frames: AsyncIterable<ConnectRequest>,
    peer: { readonly identity: Identity; readonly signal: AbortSignal },
  ): AsyncIterator<ConnectResponse>;
}

/** A daemon as the network sees it. */
export interface DaemonEnd {
  readonly life: Life;
  token(): string;
  /** The call's entry in its journal. */
  find(toolCallId: string): JournalEntry | undefined;
}

/** Whoever strikes at a moment that matters. */
export interface NetworkListener {
  /** A daemon has just asked for a grant. */
  onReady(daemon: Life): void;
  /** The offer of that call takes its time. */
  onHeldBack(toolCallId: string): void;
}

/** One stream between a daemon and a gateway. Either side may be gone without the other one knowing. */
class SimStream {
  readonly up: Lane<ConnectRequest>;
  readonly down: Lane<ConnectResponse>;
  private readonly gone = new AbortController();
  /** Before it the gateway does not learn that the daemon has left. */
  private silentUntilMs = 0;

  constructor(
    private readonly world: World,
    private readonly end: DaemonEnd,
    readonly gateway: StreamTarget,
    private readonly told: NetworkListener,
  ) {
    this.up = new Lane(world, gateway.life);
    this.down = new Lane(world, end.life, ({ frame }) => noteFrame(world, end, frame));
  }

  get daemon(): Life {
    return this.end.life;
  }

  async serve(token: string): Promise<void> {
    let responses: AsyncIterator<ConnectResponse> | undefined;
    try {
      const { signal } = this.gone;
      const identity = await this.gateway.admit(token, signal);
      responses = this.gateway.connect(this.up.frames(), { identity, signal });
      for (;;) {
        const next = await responses.next();
        if (next.done === true) break;
        this.holdBack(next.value.frame);
        await this.down.send(next.value, `frame ${next.value.frame.case}`);
      }
      this.down.end(undefined);
    } catch (error) {
      this.down.end(toReliantError(error, "stream"));
    } finally {
      // The handler has ended: what else the daemon sends is not read.
      this.gone.abort();
    }
  }

  /** Up to where the daemon takes the gateway for dead: long enough for a cancel to come first, or for a grant to be too old. */
  private holdBack(frame: ConnectResponse["frame"]): void {
    const { faults, chance } = this.world;
    if (frame.case === "offer" && faults.hits("stream: offer held back")) {
      this.down.holdBack(chance.real() * 14_000);
      this.told.onHeldBack(frame.value.toolCallId);
    }
    if (frame.case === "grant" && faults.hits("stream: grant held back")) this.down.holdBack(chance.real() * 14_500);
  }

  /** The daemon loses the connection behind this frame, which reaches its gateway once the daemon is with another one. */
  private loseBehind(): void {
    const { world } = this;
    const ms = 1_000 + world.chance.real() * 8_000;
    this.silentUntilMs = world.nowMs + ms + 1_000;
    this.up.holdBack(ms);
  }

  async pump(frames: AsyncIterable<ConnectRequest>): Promise<void> {
    for await (const frame of frames) {
      if (!this.daemon.isAlive) return;
      const kind = frame.frame.case;
      const isLast =
        (kind === "ready" || kind === "result") &&
        this.world.faults.hits("stream: lost behind a frame that comes late");
      if (isLast) this.loseBehind();
      await this.up.send(frame, `frame ${kind} of ${this.daemon.name}`);
      if (isLast) {
        this.up.cut("keeps");
        this.down.cut();
        this.tellDaemon();
      }
      if (kind === "ready") this.told.onReady(this.daemon);
    }
    this.up.end(undefined);
  }

  /** Frames no longer pass; each side learns of it or does not. */
  cut(tells: { readonly daemon: boolean; readonly gateway: boolean }): void {
    this.up.cut();
    this.down.cut();
    if (tells.daemon) this.tellDaemon();
    if (tells.gateway) this.tellGateway();
  }

  /** Until a side learns that the other one is gone. */
  private noticeMs(): number {
    return this.world.chance.real() * (this.world.chance.hits(0.8) ? 50 : 5_000);
  }

  tellDaemon(): void {
    const lost = new ReliantError("unavailable", "the connection was lost");
    this.daemon.later(this.noticeMs(), () => this.down.fail(lost));
  }

  tellGateway(): void {
    this.up.cut();
    const ms = Math.max(this.noticeMs(), this.silentUntilMs - this.world.nowMs);
    this.gateway.life.later(ms, () => {
      this.gone.abort();
      this.up.fail(new ReliantError("cancelled", "the daemon has gone"));
    });
  }
}

/** The network between daemons and gateways: a balancer in front of all gateways that live. */
export class SimNetwork {
  private readonly streams = new Set<SimStream>();
  listener: NetworkListener = { onReady: () => undefined, onHeldBack: () => undefined };

  constructor(
    private readonly world: World,
    private readonly gateways: () => readonly StreamTarget[],
  ) {}

  get open(): readonly SimStream[] {
    return [...this.streams];
  }

  /** How this daemon reaches a gateway. */
  transport(daemon: DaemonEnd): GatewayTransport {
    return { connect: (frames, signal, reached) => this.connect(daemon, reached, frames, signal) };
  }

  private async *connect(
    end: DaemonEnd,
    reached: () => void,
    frames: AsyncIterable<ConnectRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<ConnectResponse> {
    const { world } = this;
    const { life: daemon } = end;
    const token = end.token();
    await daemon.wait(world.latencyMs() * 3);
    const target = world.chance.oneOf(this.gateways());
    if (target === undefined || world.faults.hits("stream: refused")) {
      throw new ReliantError("unavailable", "connect to the gateway: refused");
    }
    reached();
    const stream = new SimStream(world, end, target, this.listener);
    this.streams.add(stream);
    daemon.whenEnded(() => this.left(stream));
    target.life.whenEnded(() => this.lostGateway(stream));
    target.life.later(world.latencyMs(), () => void stream.serve(token));
    void stream.pump(frames);
    const leave = () => {
      this.left(stream);
      stream.down.fail(signal.reason);
    };
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      yield* stream.down.frames();
    } finally {
      signal.removeEventListener("abort", leave);
      this.left(stream);
    }
  }

  /** The daemon has closed the connection, or has ended: the gateway is told, mostly. */
  private left(stream: SimStream): void {
    if (!this.streams.delete(stream)) return;
    if (this.world.chance.hits(0.85) || !this.world.faults.on) stream.tellGateway();
  }

  private lostGateway(stream: SimStream): void {
    if (!this.streams.delete(stream)) return;
    stream.cut({ daemon: this.world.chance.hits(0.8) || !this.world.faults.on, gateway: false });
  }
}

/** What the daemon is about to be told, beside what its journal has. */
function noteFrame({ reach }: World, { life, find }: DaemonEnd, frame: ConnectResponse["frame"]): void {
  switch (frame.case) {
    case "grant": {
      const { stamp } = frame.value;
      if (stamp === undefined) return;
      const said = { wallMs: Number(stamp.wallMs), monotonicMs: Number(stamp.monotonicMs) };
      const isLate = ageMs(life.clock, said) > LIMITS.grantMaxAgeMs;
      reach.note(isLate ? "daemon: a grant that is too old" : "daemon: a grant in time");
      return;
    }
    case "withdraw":
      reach.note("daemon: a withdraw");
      return;
    case "cancel": {
      const entry = find(frame.value.toolCallId);
      if (entry === undefined) reach.note("daemon: a cancel before its offer (tombstone)");
      if (entry?.state === "started") reach.note("daemon: a cancel of what runs");
      return;
    }
    case "offer":
      if (find(frame.value.toolCallId) !== undefined) reach.note("daemon: an offer of what it has");
      return;
  }
}
