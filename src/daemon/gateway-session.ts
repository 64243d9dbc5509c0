import type { Clock } from "../core/clock.ts";
import { ReliantError, toReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import type { ConnectRequest } from "../gen/reliant/v1/daemon_pb.ts";
import { UnknownFrames } from "../routing/unknown-frames.ts";
import { FrameQueue } from "./frame-queue.ts";
import { type GatewayFrame, heartbeatFrame, readGatewayFrame } from "./gateway-frames.ts";
import type { GatewayTransport } from "./gateway-transport.ts";
import { Liveness } from "./liveness.ts";

export type Welcome = Extract<GatewayFrame, { kind: "welcome" }>;
export type Refused = Extract<GatewayFrame, { kind: "refused" }>;
/** A frame that comes after the welcome. */
export type SessionFrame = Exclude<GatewayFrame, Welcome | Refused | { kind: "heartbeat" | "drain" | "unknown" }>;

/** How a session came to its end, or that it is about to. */
export type SessionNews =
  | { readonly kind: "drain"; readonly withinMs: number }
  | { readonly kind: "slept" }
  /** After the welcome: the token was revoked, say. */
  | { readonly kind: "refused"; readonly refused: Refused }
  | { readonly kind: "lost"; readonly error: ReliantError };

export interface SessionOptions {
  /** No two sessions of a journal have the same. */
  readonly name: string;
  readonly transport: GatewayTransport;
  readonly clock: Clock;
  readonly hello: ConnectRequest;
  /** Calls that the hello names as running. */
  readonly running: readonly string[];
  /** True while a call is open: heartbeats come faster. */
  isBusy(): boolean;
  /** Called before any frame that follows the welcome. */
  onWelcome(welcome: Welcome): void;
  onFrame(frame: SessionFrame): void;
  /** A frame was not understood, and skipped. */
  onUnknown(): void;
}

/** One connection to a gateway, from its hello to its end. Nothing is handed on after the end. */
export class GatewaySession {
  /**
   * The gateway's first frame; rejects where no sign of life comes within `LIMITS.reachMs`, or no frame within
   * `LIMITS.helloMs` of it.
   */
  readonly opening: Promise<Welcome | Refused>;
  /** The first of: a drain, the end. */
  readonly news: Promise<SessionNews>;
  /** The end; never rejects. */
  readonly ended: Promise<SessionNews>;
  readonly queue = new FrameQueue();
  private readonly abort = new AbortController();
  private readonly opened = Promise.withResolvers<Welcome | Refused>();
  private readonly firstNews = Promise.withResolvers<SessionNews>();
  private readonly end_ = Promise.withResolvers<SessionNews>();
  private readonly liveness: Liveness;
  private readonly unknown: UnknownFrames;
  private readonly reading: Promise<void>;
  private stopTimer: () => void;
  private reached = false;
  private welcomed = false;
  private over = false;
  private beats = 0;

  constructor(private readonly options: SessionOptions) {
    this.opening = this.opened.promise;
    this.opening.catch(() => {});
    this.news = this.firstNews.promise;
    this.ended = this.end_.promise;
    this.liveness = new Liveness(options.clock);
    this.unknown = new UnknownFrames(logger("daemon", "link"), { connection: options.name });
    this.stopTimer = this.giveUpAfter(LIMITS.reachMs, "nobody answers at the gateway's address");
    this.queue.pushControl(options.hello);
    this.reading = this.read();
  }

  get name(): string {
    return this.options.name;
  }

  /** Calls that the hello named as running. */
  get running(): readonly string[] {
    return this.options.running;
  }

  /** False: whatever this came to, nobody was there. */
  get wasReached(): boolean {
    return this.reached;
  }

  /** Frames that were not understood, and skipped. */
  get unknownFrames(): number {
    return this.unknown.count;
  }

  /** Leaves: what is queued still goes out, within `LIMITS.streamCloseMs`. Resolves when nothing of the connection is left. */
  async leave(): Promise<void> {
    this.over = true;
    this.stopTimer();
    this.queue.close();
    const bound = new AbortController();
    const waited = this.options.clock.sleep(LIMITS.streamCloseMs, bound.signal).catch(() => {});
    await Promise.race([this.reading, waited]);
    bound.abort();
    this.finish({ kind: "lost", error: new ReliantError("cancelled", "left the gateway") });
  }

  private async read(): Promise<void> {
    const { transport } = this.options;
    let error = new ReliantError("unavailable", "the gateway ended the connection");
    try {
      for await (const response of transport.connect(this.queue, this.abort.signal, () => this.reach())) {
        if (this.over) continue;
        this.reach();
        this.liveness.heard();
        this.take(readGatewayFrame(response));
      }
    } catch (thrown) {
      error = toReliantError(thrown, "connection to the gateway");
    }
    this.finish({ kind: "lost", error });
  }

  private giveUpAfter(ms: number, what: string): () => void {
    return this.options.clock.after(ms, () => {
      this.finish({ kind: "lost", error: new ReliantError("deadline_exceeded", `${what}: waited ${ms} ms`) });
    });
  }

  private reach(): void {
    if (this.reached || this.over) return;
    this.reached = true;
    this.stopTimer();
    this.stopTimer = this.giveUpAfter(LIMITS.helloMs, "the gateway does not answer the hello");
  }

  private take(frame: GatewayFrame): void {
    if (frame.kind === "unknown") {
      this.unknown.skip(frame.what);
      this.options.onUnknown();
      return;
    }
    if (!this.welcomed) {
      if (frame.kind === "welcome") this.begin(frame);
      else if (frame.kind === "refused") this.opened.resolve(frame);
      return;
    }
    switch (frame.kind) {
      case "welcome":
      case "heartbeat":
        return;
      case "refused":
        this.finish({ kind: "refused", refused: frame });
        return;
      case "drain":
        this.firstNews.resolve({ kind: "drain", withinMs: frame.withinMs });
        return;
      default:
        this.options.onFrame(frame);
        // A call that has begun shortens the silence that is allowed, from now on.
        if (this.liveness.note(this.options.isBusy())) this.look();
    }
  }

  private begin(welcome: Welcome): void {
    this.welcomed = true;
    this.options.onWelcome(welcome);
    this.opened.resolve(welcome);
    this.look();
  }

  private look(): void {
    if (this.over) return;
    this.stopTimer();
    const { verdict, nextMs } = this.liveness.look(this.options.isBusy());
    switch (verdict) {
      case "slept":
        this.finish({ kind: "slept" });
        return;
      case "dead":
        this.finish({ kind: "lost", error: new ReliantError("unavailable", "the gateway has fallen silent") });
        return;
      case "beat":
        this.beats++;
        this.queue.pushControl(heartbeatFrame(this.beats));
        break;
      case "quiet":
        break;
    }
    this.stopTimer = this.options.clock.after(nextMs, () => this.look());
  }

  private finish(news: SessionNews): void {
    this.over = true;
    this.stopTimer();
    this.unknown.close();
    this.queue.close();
    this.abort.abort();
    this.opened.reject(
      news.kind === "lost" ? news.error : new ReliantError("unavailable", "connection to the gateway: ended"),
    );
    this.firstNews.resolve(news);
    this.end_.resolve(news);
  }
}
