import { ReliantError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { NatsLink } from "../nats/nats-connection.ts";
import type { NatsPeer, NatsSubscription } from "../nats/nats-peer.ts";
import { userUpdatesSubject } from "../routing/subjects.ts";
import { decodeHubMessage, encodeHubEvent } from "./hub-message.ts";
import { HubSubscribers } from "./hub-subscribers.ts";
import type { SubscriberHandlers } from "./subscriber-queue.ts";
import type { HubEvent, HubSubscription, UpdateHub } from "./update-hub.ts";

export interface NATSUpdateHubDeps {
  /** Stays the caller's to close. */
  readonly link: NatsLink<NatsPeer>;
  readonly log: Logger;
}

interface UserFeed {
  readonly subscription: NatsSubscription;
  readonly ready: Promise<void>;
}

/** The hub of servers: one subject a user, subscribed once in a process however many look on. */
export class NATSUpdateHub implements UpdateHub {
  private readonly subscribers: HubSubscribers;
  private readonly feeds = new Map<string, UserFeed>();
  /** The newest announcement of each chat and user in this tick. */
  private readonly announcements = new Map<string, HubEvent>();
  private readonly stopReconnects: () => void;
  private closed = false;

  constructor(private readonly deps: NATSUpdateHubDeps) {
    this.subscribers = new HubSubscribers(deps.log);
    this.stopReconnects = deps.link.onReconnect(() => this.subscribers.lose());
  }

  publish(event: HubEvent): void {
    if (this.closed) return;
    switch (event.kind) {
      case "chat_sequence":
        this.announce(`chat ${event.chatId}`, event);
        return;
      case "user_sequence":
        this.announce(`user ${event.userId}`, event);
        return;
      default:
        this.send(event);
    }
  }

  subscribe(userId: string, handlers: SubscriberHandlers): HubSubscription {
    const subject = userUpdatesSubject(userId);
    if (this.closed) throw new ReliantError("unavailable", "subscribe to updates: the hub is closed");
    const { queue, first } = this.subscribers.add(userId, handlers);
    if (first) this.feeds.set(userId, this.open(userId, subject));
    const ready = this.feeds.get(userId)?.ready ?? Promise.resolve();
    return {
      ready,
      close: () => {
        if (this.subscribers.remove(userId, queue)) this.end(userId);
      },
    };
  }

  check(signal: AbortSignal): Promise<void> {
    return this.deps.link.check(signal);
  }

  /** Sends what was announced; the connection stays its owner's. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.flush();
    this.closed = true;
    this.stopReconnects();
    for (const userId of [...this.feeds.keys()]) this.end(userId);
    this.subscribers.close();
  }

  private open(userId: string, subject: string): UserFeed {
    const { link, log } = this.deps;
    const subscription = link.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) return;
        const heard = decodeHubMessage(message.string(), userId);
        if (heard === undefined) log.warn("a message on the updates' subject is none of ours", { subject });
        else if (heard.kind === "lost") this.subscribers.lose(userId);
        else this.subscribers.publish(heard.event);
      },
    });
    const ready = link.isConnected
      ? link.flush()
      : Promise.reject(new ReliantError("unavailable", "subscribe to updates: NATS is away"));
    // Whoever does not wait for it has nothing to catch.
    ready.catch(() => undefined);
    return { subscription, ready };
  }

  private end(userId: string): void {
    this.feeds.get(userId)?.subscription.unsubscribe();
    this.feeds.delete(userId);
  }

  private announce(key: string, event: HubEvent & { readonly sequence: number }): void {
    const waiting = this.announcements.get(key);
    if (waiting === undefined && this.announcements.size === 0) setImmediate(() => this.flush());
    if (waiting !== undefined && "sequence" in waiting && waiting.sequence >= event.sequence) return;
    this.announcements.set(key, event);
  }

  private flush(): void {
    for (const event of this.announcements.values()) this.send(event);
    this.announcements.clear();
  }

  /** Lost while NATS is away: whoever listens is told when the connection stands again, and reads the store. */
  private send(event: HubEvent): void {
    const { link, log } = this.deps;
    if (!link.isConnected) return;
    try {
      link.connection.publish(userUpdatesSubject(event.userId), encodeHubEvent(event));
    } catch (error) {
      log.warn("an update was not announced", { kind: event.kind, cause: String(error) });
    }
  }
}
