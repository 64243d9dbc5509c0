import type { Identity } from "../../src/auth/identity.ts";
import { ReliantError, toReliantError } from "../../src/core/errors.ts";
import type { GatewayTransport } from "../../src/daemon/gateway-transport.ts";
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

/** One stream between a daemon and a gateway. Either side may be gone without the other one knowing. */
class SimStream {
  readonly up: Lane<ConnectRequest>;
  readonly down: Lane<ConnectResponse>;
  private readonly gone = new AbortController();

  constructor(
    private readonly world: World,
    readonly daemon: Life,
    readonly gateway: StreamTarget,
  ) {
    this.up = new Lane(world, gateway.life);
    this.down = new Lane(world, daemon);
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

  async pump(frames: AsyncIterable<ConnectRequest>): Promise<void> {
    for await (const frame of frames) {
      if (!this.daemon.isAlive) return;
      await this.up.send(frame, `frame ${frame.frame.case} of ${this.daemon.name}`);
    }
    this.up.end(undefined);
  }

  /** Frames no longer pass; each side learns of it or does not. */
  cut(tells: { readonly daemon: boolean; readonly gateway: boolean }): void {
    this.up.cut = true;
    this.down.cut = true;
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
    this.up.cut = true;
    this.gateway.life.later(this.noticeMs(), () => {
      this.gone.abort();
      this.up.fail(new ReliantError("cancelled", "the daemon has gone"));
    });
  }
}

/** The network between daemons and gateways: a balancer in front of all gateways that live. */
export class SimNetwork {
  private readonly streams = new Set<SimStream>();

  constructor(
    private readonly world: World,
    private readonly gateways: () => readonly StreamTarget[],
  ) {}

  get open(): readonly SimStream[] {
    return [...this.streams];
  }

  /** How the daemon of this life reaches a gateway. */
  transport(daemon: Life, token: () => string): GatewayTransport {
    return { connect: (frames, signal) => this.connect(daemon, token(), frames, signal) };
  }

  private async *connect(
    daemon: Life,
    token: string,
    frames: AsyncIterable<ConnectRequest>,
    signal: AbortSignal,
  ): AsyncGenerator<ConnectResponse> {
    const { world } = this;
    await daemon.wait(world.latencyMs() * 3);
    const target = world.chance.oneOf(this.gateways());
    if (target === undefined || world.faults.hits("stream: refused")) {
      throw new ReliantError("unavailable", "connect to the gateway: refused");
    }
    const stream = new SimStream(world, daemon, target);
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
