import { createInbox, headers, type PublishOptions } from "nats";
import type { Clock } from "../core/clock.ts";
import type { NatsLink } from "../nats/nats-connection.ts";
import type { NatsMessage, NatsPeer, NatsSubscription } from "../nats/nats-peer.ts";

/** The first answer to what was asked. `no_answer`: none came in time, or the connection was away. */
export type InboxAnswer =
  | { readonly kind: "reply"; readonly body: string }
  | { readonly kind: "no_responders" | "no_answer" };

/**
 * The one inbox of a process: asks, hands the first answer to whoever asked, and what comes after it to `onLater`
 * (nats.js' own requests take one answer only).
 */
export class NatsInbox {
  private readonly prefix = createInbox();
  private readonly waiting = new Map<string, (answer: InboxAnswer) => void>();
  private readonly subscription: NatsSubscription;
  private asked = 0;

  constructor(
    private readonly link: NatsLink<NatsPeer>,
    private readonly clock: Clock,
    private readonly onLater: (body: string) => void,
  ) {
    this.subscription = link.connection.subscribe(`${this.prefix}.*`, {
      callback: (error, message) => {
        if (error === null) this.take(message);
      },
    });
  }

  /** Resolves within `timeoutMs`; rejects only when the signal aborts. */
  ask(
    subject: string,
    body: string,
    traceparent: string | undefined,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<InboxAnswer> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (!this.link.isConnected) return Promise.resolve({ kind: "no_answer" });
    this.asked += 1;
    const token = this.asked.toString(36);
    return new Promise((resolve, reject) => {
      const settle = () => {
        stopTimer();
        this.waiting.delete(token);
        signal.removeEventListener("abort", onAbort);
      };
      const onAbort = () => {
        settle();
        reject(signal.reason);
      };
      const answer = (answer: InboxAnswer) => {
        settle();
        resolve(answer);
      };
      const stopTimer = this.clock.after(timeoutMs, () => answer({ kind: "no_answer" }));
      this.waiting.set(token, answer);
      signal.addEventListener("abort", onAbort, { once: true });
      const reply = `${this.prefix}.${token}`;
      try {
        this.link.connection.publish(subject, body, optionsOf(reply, traceparent));
      } catch {
        answer({ kind: "no_answer" }); // closed meanwhile
      }
    });
  }

  close(): void {
    this.subscription.unsubscribe();
    for (const answer of this.waiting.values()) answer({ kind: "no_answer" });
  }

  private take(message: NatsMessage): void {
    const answer = this.waiting.get(message.subject.slice(this.prefix.length + 1));
    if (message.data.length === 0 && message.headers?.code === 503) {
      answer?.({ kind: "no_responders" });
      return;
    }
    const body = message.string();
    if (answer === undefined) this.onLater(body);
    else answer({ kind: "reply", body });
  }
}

function optionsOf(reply: string, traceparent: string | undefined): PublishOptions {
  if (traceparent === undefined) return { reply };
  const fields = headers();
  fields.set("traceparent", traceparent);
  return { reply, headers: fields };
}
