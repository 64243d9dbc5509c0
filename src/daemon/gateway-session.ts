import { type Clock, systemClock } from "../core/clock.ts";
import { ReliantError, toReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { ConnectRequest } from "../gen/reliant/v1/daemon_pb.ts";
import { FrameQueue } from "./frame-queue.ts";
import { type GatewayFrame, heartbeatFrame, readGatewayFrame } from "./gateway-frames.ts";
import type { GatewayTransport } from "./gateway-transport.ts";
import { Liveness } from "./liveness.ts";

export type Welcome = Extract<GatewayFrame, { kind: "welcome" }>;
export type Refused = Extract<GatewayFrame, { kind: "refused" }>;
/** A frame that comes after the welcome. */
export type SessionFrame = Exclude<GatewayFrame, Welcome | Refused | { kind: "heartbeat" | "drain" }>;

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
  /** True while a call is open: heartbeats come faster. */
  isBusy(): boolean;
  /** Called before any frame that follows the welcome. */
  onWelcome(welcome: Welcome): void;
  onFrame(frame: SessionFrame): void;
}

/** One connection to a gateway, from its hello to its end. Nothing is handed on after the end. */
export class GatewaySession {
  /** The gateway's first frame; rejects where none comes within `LIMITS.helloMs`. */
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
  private readonly reading: Promise<void>;
  private stopTimer: () => void;
  private welcomed = false;
  private over = false;
  private beats = 0;

  constructor(private readonly options: SessionOptions) {
    this.opening = this.opened.promise;
    this.opening.catch(() => {});
    this.news = this.firstNews.promise;
    this.ended = this.end_.promise;
    this.liveness = new Liveness(options.clock);
    this.stopTimer = options.clock.after(LIMITS.helloMs, () => {
      const error = new ReliantError("deadline_exceeded", `no answer of the gateway within ${LIMITS.helloMs} ms`);
      this.finish({ kind: "lost", error });
    });
    this.queue.pushControl(options.hello);
    this.reading = this.read();
  }

  get name(): string {
    return this.options.name;
  }

  /** Leaves: what is queued still goes out, within `LIMITS.streamCloseMs`. Resolves when nothing of the connection is left. */
  async leave(): Promise<void> {
    this.over = true;
    this.stopTimer();
    this.queue.close();
    const bound = new AbortController();
    const waited = systemClock.sleep(LIMITS.streamCloseMs, bound.signal).catch(() => {});
    await Promise.race([this.reading, waited]);
    bound.abort();
    this.finish({ kind: "lost", error: new ReliantError("cancelled", "left the gateway") });
  }

  private async read(): Promise<void> {
    const { transport } = this.options;
    let error = new ReliantError("unavailable", "the gateway ended the connection");
    try {
      for await (const response of transport.connect(this.queue, this.abort.signal)) {
        if (this.over) continue;
        this.liveness.heard();
        this.take(readGatewayFrame(response));
      }
    } catch (thrown) {
      error = toReliantError(thrown, "connection to the gateway");
    }
    this.finish({ kind: "lost", error });
  }

  private take(frame: GatewayFrame): void {
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
    }
  }

  private begin(welcome: Welcome): void {
    this.welcomed = true;
    this.stopTimer();
    this.stopTimer = this.options.clock.after(Liveness.paceMs, () => this.look());
    this.options.onWelcome(welcome);
    this.opened.resolve(welcome);
  }

  private look(): void {
    if (this.over) return;
    this.stopTimer = this.options.clock.after(Liveness.paceMs, () => this.look());
    switch (this.liveness.look(this.options.isBusy())) {
      case "quiet":
        return;
      case "beat":
        this.beats++;
        this.queue.pushControl(heartbeatFrame(this.beats));
        return;
      case "slept":
        this.finish({ kind: "slept" });
        return;
      case "dead":
        this.finish({ kind: "lost", error: new ReliantError("unavailable", "the gateway has fallen silent") });
    }
  }

  private finish(news: SessionNews): void {
    this.over = true;
    this.stopTimer();
    this.queue.close();
    this.abort.abort();
    this.opened.reject(
      news.kind === "lost" ? news.error : new ReliantError("unavailable", "connection to the gateway: ended"),
    );
    this.firstNews.resolve(news);
    this.end_.resolve(news);
  }
}
