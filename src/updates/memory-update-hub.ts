import { ReliantError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { HubSubscribers } from "./hub-subscribers.ts";
import type { SubscriberHandlers } from "./subscriber-queue.ts";
import type { HubEvent, HubSubscription, UpdateHub } from "./update-hub.ts";

/** The hub of the monolith: everything is in this process. The limits are those of the other drivers. */
export class MemoryUpdateHub implements UpdateHub {
  private readonly subscribers: HubSubscribers;
  private closed = false;

  constructor(log: Logger) {
    this.subscribers = new HubSubscribers(log);
  }

  publish(event: HubEvent): void {
    this.subscribers.publish(event);
  }

  subscribe(userId: string, handlers: SubscriberHandlers): HubSubscription {
    const { queue } = this.subscribers.add(userId, handlers);
    if (this.closed) queue.close();
    return { ready: Promise.resolve(), close: () => void this.subscribers.remove(userId, queue) };
  }

  async check(_signal: AbortSignal): Promise<void> {
    if (this.closed) throw new ReliantError("unavailable", "reach the update hub: it is closed");
  }

  async close(): Promise<void> {
    this.closed = true;
    this.subscribers.close();
  }
}
