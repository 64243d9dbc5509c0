import { connect, ErrorCode, type NatsConnection, NatsError } from "nats";
import { backoffMs } from "../core/backoff.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Logger } from "../core/logger.ts";
import { within } from "../core/within.ts";
import { coalesceWrites } from "./coalesced-writes.ts";
import type { NatsPeer } from "./nats-peer.ts";
import { natsServers } from "./nats-servers.ts";

export interface NatsOptions {
  /** See {@link natsServers}. */
  readonly url: string;
  /** Shown on the server's monitoring pages. */
  readonly name: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** A try to connect failed and is made again: for `/ready`. */
  readonly onAttemptFailed?: (reason: string) => void;
}

/**
 * Opens the process's connection, the only place that does. A server that is away is tried again until the signal
 * aborts; one that refuses us throws `unauthenticated` at once, an address that is none `invalid_argument`.
 */
export async function openNats(options: NatsOptions, signal: AbortSignal): Promise<NatsLink> {
  const clock = options.clock ?? systemClock;
  const servers = natsServers(options.url);
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      const connection = await connect({
        ...servers,
        name: options.name,
        maxReconnectAttempts: -1,
        reconnectTimeWait: LIMITS.natsReconnectMs,
        reconnectJitter: LIMITS.natsReconnectMs,
        reconnectJitterTLS: LIMITS.natsReconnectMs,
        timeout: LIMITS.natsTimeoutMs,
        pingInterval: LIMITS.natsPingMs,
        maxPingOut: LIMITS.natsPingsOut,
        ignoreAuthErrorAbort: true,
        noAsyncTraces: true,
      });
      if (!coalesceWrites(connection)) options.log.debug("NATS is written to message by message");
      return new NatsLink(connection, options.log, clock);
    } catch (cause) {
      if (cause instanceof NatsError && cause.code === ErrorCode.AuthorizationViolation) {
        throw new ReliantError("unauthenticated", "connect to NATS: the server refuses the user or token", { cause });
      }
      options.log.warn("NATS is away, trying again", { attempt, cause: messageOf(cause) });
      options.onAttemptFailed?.(`connect to NATS: ${messageOf(cause)}`);
    }
    const bounds = { baseMs: LIMITS.startRetryBaseMs, maxMs: LIMITS.startRetryMaxMs };
    await clock.sleep(backoffMs(attempt, bounds), signal);
  }
}

/** The process's connection to NATS: reconnects by itself for ever, tells whether it stands, and drains when closed. */
export class NatsLink<Peer extends NatsPeer = NatsConnection> {
  private connected = true;
  private readonly reconnectListeners = new Set<() => void>();
  private readonly watching: Promise<void>;

  constructor(
    readonly connection: Peer,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {
    this.watching = this.watch();
  }

  /** False while the connection is being made again: what is published now is lost. */
  get isConnected(): boolean {
    return this.connected && !this.connection.isClosed();
  }

  /** Called each time that the connection stands again: messages were missed. The answer ends it. */
  onReconnect(listener: () => void): () => void {
    this.reconnectListeners.add(listener);
    return () => this.reconnectListeners.delete(listener);
  }

  /** Resolves when the server has taken everything that was sent before, subscriptions too. Throws `unavailable`. */
  async flush(signal?: AbortSignal): Promise<void> {
    const bound = { ms: LIMITS.natsTimeoutMs, act: "flush NATS", clock: this.clock };
    try {
      await within(this.connection.flush(), signal === undefined ? bound : { ...bound, signal });
    } catch (cause) {
      signal?.throwIfAborted();
      throw new ReliantError("unavailable", `reach NATS: ${messageOf(cause)}`, { cause });
    }
  }

  /** Throws `unavailable` where the server does not answer now. */
  async check(signal: AbortSignal): Promise<void> {
    if (!this.isConnected) throw new ReliantError("unavailable", "reach NATS: not connected");
    await this.flush(signal);
  }

  /** Sends what is queued, takes what has come, ends the subscriptions and closes, within a bound. */
  async close(): Promise<void> {
    if (!this.connection.isClosed()) {
      const bound = { ms: LIMITS.natsTimeoutMs, act: "drain NATS", clock: this.clock };
      const drained = this.connected ? within(this.connection.drain(), bound) : Promise.resolve();
      await drained.catch((cause) => this.log.warn("NATS was closed without a drain", { cause: messageOf(cause) }));
      await this.connection.close();
    }
    await this.watching;
  }

  private async watch(): Promise<void> {
    const statuses = this.connection.status();
    // nats.js 2.29 does not end this iterator when the connection is closed.
    void this.connection.closed().then(() => {
      if ("stop" in statuses && typeof statuses.stop === "function") statuses.stop();
    });
    for await (const status of statuses) {
      switch (status.type) {
        case "disconnect":
          this.connected = false;
          this.log.warn("NATS is disconnected");
          break;
        case "reconnect":
          this.connected = true;
          this.log.info("NATS is connected again");
          for (const listener of this.reconnectListeners) listener();
          break;
        case "error":
          this.log.error("NATS reports an error", { cause: String(status.data) });
          break;
        default:
          this.log.debug("NATS status", { status: status.type });
      }
    }
    this.connected = false;
  }
}
