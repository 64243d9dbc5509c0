import { messageOf } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Logger } from "../core/logger.ts";
import type { HubEvent } from "./update-hub.ts";

export interface SubscriberHandlers {
  onEvent(event: HubEvent): void;
  onLoss(): void;
}

/**
 * What waits for one subscriber. Events are handed over after the publisher has gone on; where more than
 * `LIMITS.subscriberQueue` wait, all of them are dropped and the subscriber is told once that it missed something.
 */
export class SubscriberQueue {
  private waiting: HubEvent[] = [];
  private lost = false;
  private scheduled = false;
  private closed = false;

  constructor(
    private readonly handlers: SubscriberHandlers,
    private readonly log: Logger,
  ) {}

  push(event: HubEvent): void {
    if (this.closed || this.lost) return;
    if (this.waiting.length >= LIMITS.subscriberQueue) {
      this.lose();
      return;
    }
    this.waiting.push(event);
    this.schedule();
  }

  /** Something may have been missed: what waits is not worth handing over. */
  lose(): void {
    if (this.closed) return;
    this.lost = true;
    this.waiting = [];
    this.schedule();
  }

  close(): void {
    this.closed = true;
    this.waiting = [];
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.deliver());
  }

  private deliver(): void {
    this.scheduled = false;
    const events = this.waiting;
    const lost = this.lost;
    this.waiting = [];
    this.lost = false;
    if (lost) this.call(() => this.handlers.onLoss());
    for (const event of events) {
      this.call(() => this.handlers.onEvent(event));
    }
  }

  private call(handler: () => void): void {
    if (this.closed) return;
    try {
      handler();
    } catch (error) {
      this.log.error("a subscriber of updates failed", { cause: messageOf(error) });
    }
  }
}
