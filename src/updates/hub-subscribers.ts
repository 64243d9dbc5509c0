import type { Logger } from "../core/logger.ts";
import { type SubscriberHandlers, SubscriberQueue } from "./subscriber-queue.ts";
import type { HubEvent } from "./update-hub.ts";

/** The subscribers of this process, by user. */
export class HubSubscribers {
  private readonly byUser = new Map<string, Set<SubscriberQueue>>();

  constructor(private readonly log: Logger) {}

  /** True where the user had none before. */
  add(userId: string, handlers: SubscriberHandlers): { readonly queue: SubscriberQueue; readonly first: boolean } {
    const queue = new SubscriberQueue(handlers, this.log);
    const others = this.byUser.get(userId);
    if (others !== undefined) {
      others.add(queue);
      return { queue, first: false };
    }
    this.byUser.set(userId, new Set([queue]));
    return { queue, first: true };
  }

  /** True where it was the user's last. */
  remove(userId: string, queue: SubscriberQueue): boolean {
    queue.close();
    const queues = this.byUser.get(userId);
    if (queues === undefined || !queues.delete(queue) || queues.size > 0) return false;
    this.byUser.delete(userId);
    return true;
  }

  publish(event: HubEvent): void {
    for (const queue of this.byUser.get(event.userId) ?? []) queue.push(event);
  }

  /** Of one user, or of all. */
  lose(userId?: string): void {
    const lists = userId === undefined ? this.byUser.values() : [this.byUser.get(userId) ?? new Set<SubscriberQueue>()];
    for (const queues of lists) {
      for (const queue of queues) queue.lose();
    }
  }

  close(): void {
    for (const queues of this.byUser.values()) {
      for (const queue of queues) queue.close();
    }
    this.byUser.clear();
  }
}
