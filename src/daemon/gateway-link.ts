import { backoffMs } from "../core/backoff.ts";
import { ageMs, type Clock } from "../core/clock.ts";
import { type ErrorCode, messageOf, type ReliantError, toReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import { type HelloFields, helloFrame } from "./gateway-frames.ts";
import { GatewaySession, type Refused, type SessionFrame, type SessionNews, type Welcome } from "./gateway-session.ts";
import type { GatewayTransport } from "./gateway-transport.ts";
import type { Journal } from "./journal.ts";
import { stopReason } from "./stop-reason.ts";

/** Who hears of the connection. All of it is about the newest connection only. */
export interface LinkListener {
  connected(session: GatewaySession, welcome: Welcome): void;
  frame(session: GatewaySession, frame: SessionFrame): void;
  disconnected(session: GatewaySession, reason: string): void;
  /** A frame of any connection was not understood, and skipped. */
  unknown(): void;
  /** The next attempt comes in that many milliseconds. */
  waiting(reason: string, waitMs: number): void;
}

export interface LinkOptions {
  readonly transport: GatewayTransport;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly hello: HelloFields;
  readonly listener: LinkListener;
  runningIds(): readonly string[];
  isBusy(): boolean;
  readonly random?: () => number;
}

/** What an attempt comes to where nobody answers; a connection that was reset at once is `cancelled` in HTTP/2's words. */
const SILENT: ReadonlySet<ErrorCode> = new Set(["unavailable", "deadline_exceeded", "cancelled"]);

/** What to do after one attempt: at once, after a wait, or never again. */
type Next =
  | { readonly kind: "now" }
  /** `unless`: what ends the wait before its time. */
  | { readonly kind: "wait"; readonly reason: string; readonly ms: number; readonly unless?: Promise<unknown> }
  | { readonly kind: "stop"; readonly error: ReliantError };

/** One connection to a gateway after another, for ever (design §3 "One daemon connection"). */
export class GatewayLink {
  private readonly log = logger("daemon", "link");
  private current: GatewaySession | undefined;
  private daemonId: string;
  /** The last epoch that this process saw: naming one from before its start would make it look replaced. */
  private lastEpoch = 0;
  private connections = 0;
  /** Attempts in vain: at a gateway that answered, and where nobody did. */
  private attempt = 0;
  private unreached = 0;
  private hellosInVain = 0;

  constructor(private readonly options: LinkOptions) {
    this.daemonId = options.hello.daemonId;
  }

  /**
   * Runs until the signal aborts. Rejects where no further attempt can help: this daemon was replaced, its token was
   * revoked, or the gateway knows another owner of its id or another protocol; the hint says what to do.
   */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const session = this.begin();
        const next = await orAborted(this.attend(session), signal);
        if (next === "aborted") {
          await session.leave();
          return;
        }
        if (next.kind === "stop") throw next.error;
        if (next.kind === "wait") await this.wait(next, signal);
      }
    } finally {
      await this.current?.leave();
    }
  }

  private begin(): GatewaySession {
    const { transport, clock, journal, hello, listener, isBusy, runningIds } = this.options;
    this.connections++;
    const running = runningIds();
    const session: GatewaySession = new GatewaySession({
      name: `${journal.startCount}.${this.connections}`,
      transport,
      clock,
      hello: helloFrame(
        { ...hello, daemonId: this.daemonId },
        {
          journalId: journal.id,
          startCount: journal.startCount,
          lastEpoch: this.lastEpoch,
          runningIds: running,
        },
      ),
      running,
      isBusy,
      onWelcome: (welcome) => this.take(session, welcome),
      onFrame: (frame) => listener.frame(session, frame),
      onUnknown: () => listener.unknown(),
    });
    return session;
  }

  /** One session from its hello until another one is due. */
  private async attend(session: GatewaySession): Promise<Next> {
    const { clock } = this.options;
    const begunAt = clock.stamp();
    let opening: Welcome | Refused;
    try {
      opening = await session.opening;
    } catch (error) {
      const known = toReliantError(error, "connect to the gateway");
      return !session.wasReached && SILENT.has(known.code)
        ? this.afterSilence(known, ageMs(clock, begunAt))
        : this.afterError(known);
    }
    this.unreached = 0;
    if (opening.kind === "refused") {
      await session.leave();
      return this.afterRefusal(opening);
    }
    const since = clock.stamp();
    const news = await session.news;
    if (ageMs(clock, since) > LIMITS.reconnectMaxMs) this.attempt = 0;
    switch (news.kind) {
      case "slept":
        this.attempt = 0;
        return { kind: "now" };
      case "drain":
        // All daemons of a gateway are told at once: each comes at a time of its own.
        this.attempt = 0;
        return {
          kind: "wait",
          reason: "the gateway is about to stop",
          ms: this.drainWaitMs(news.withinMs),
          unless: session.ended,
        };
      case "refused":
        return this.afterRefusal(news.refused);
      case "lost":
        // It had us: what broke it is the network or the gateway's end, and another gateway may be there at once.
        return this.afterError(news.error, LIMITS.reconnectUnreachedMs);
    }
  }

  /** From now on this session is the newest one; the one before it hands on nothing more. */
  private take(session: GatewaySession, welcome: Welcome): void {
    const { listener } = this.options;
    const last = this.current;
    this.current = session;
    this.lastEpoch = welcome.epoch;
    this.daemonId = welcome.daemonId;
    this.hellosInVain = 0;
    void session.ended.then((news) => {
      if (this.current !== session) return;
      this.current = undefined;
      listener.disconnected(session, lossText(news));
    });
    const { epoch, gatewayId: gateway, protocolVersion: protocol } = welcome;
    this.log.info("connected", { epoch, gateway, protocol, connection: session.name });
    listener.connected(session, welcome);
    void last?.leave();
  }

  private afterRefusal(refused: Refused): Next {
    const stop = stopReason(refused);
    if (stop !== undefined) return { kind: "stop", error: stop };
    if (refused.reason === "epoch") this.lastEpoch = refused.epoch;
    if (refused.reason === "journal") {
      this.log.warn("this journal is a restored backup, taking a new id", { journal: this.options.journal.id });
      try {
        this.options.journal.takeNewId();
      } catch (error) {
        return this.backOff(messageOf(error));
      }
    }
    const again = refused.reason === "epoch" || refused.reason === "journal";
    this.hellosInVain++;
    if (again && this.hellosInVain <= LIMITS.helloRetries) return { kind: "now" };
    return this.backOff(`refused: ${refused.message || refused.reason}`);
  }

  private afterError(error: ReliantError, maxMs?: number): Next {
    if (error.code !== "unauthenticated") return this.backOff(error.message, maxMs);
    const stop = stopReason({ reason: "token", message: error.message });
    return stop === undefined ? this.backOff(error.message) : { kind: "stop", error: stop };
  }

  /** Nobody was there, which costs nobody much: it is tried again soon, counted from when this attempt began. */
  private afterSilence(error: ReliantError, tookMs: number): Next {
    const bounds = { baseMs: LIMITS.reconnectBaseMs, maxMs: LIMITS.reconnectUnreachedMs };
    const ms = backoffMs(this.unreached, bounds, this.options.random);
    const leastMs = backoffMs(0, bounds, this.options.random);
    this.unreached++;
    return { kind: "wait", reason: error.message, ms: Math.max(leastMs, ms - tookMs) };
  }

  /** A gateway is there and has its reasons: it gets more time with each attempt. */
  private backOff(reason: string, maxMs: number = LIMITS.reconnectMaxMs): Next {
    const bounds = { baseMs: LIMITS.reconnectBaseMs, maxMs };
    const ms = backoffMs(this.attempt, bounds, this.options.random);
    this.attempt++;
    return { kind: "wait", reason, ms };
  }

  private drainWaitMs(withinMs: number): number {
    const random = this.options.random ?? Math.random;
    return Math.round(random() * Math.min(Math.max(0, withinMs) / 2, LIMITS.reconnectMaxMs));
  }

  private async wait({ reason, ms, unless }: Next & { kind: "wait" }, signal: AbortSignal): Promise<void> {
    this.log.warn(this.current === undefined ? "not connected, trying again" : "about to connect anew", {
      reason,
      waitMs: ms,
    });
    this.options.listener.waiting(reason, ms);
    const enough = new AbortController();
    const stop = () => enough.abort();
    if (signal.aborted) return;
    signal.addEventListener("abort", stop, { once: true });
    void unless?.then(stop);
    await this.options.clock.sleep(ms, enough.signal).catch((error: unknown) => {
      if (!enough.signal.aborted) throw error;
    });
    signal.removeEventListener("abort", stop);
  }
}

/**
 * The promise, or "aborted" once the signal aborts. Leaves nothing behind on the signal: a race with one promise that
 * lives as long as the daemon would keep every attempt for ever.
 */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | "aborted"> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve("aborted");
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function lossText(news: SessionNews): string {
  switch (news.kind) {
    case "lost":
      return news.error.message;
    case "refused":
      return `refused: ${news.refused.message}`;
    case "slept":
      return "this machine was asleep";
    case "drain":
      return "the gateway is about to stop";
  }
}
