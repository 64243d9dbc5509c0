import type { PublishOptions } from "nats";

/** A message as we read it. `headers.code` is 503 where nobody listens to what was asked. */
export interface NatsMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly reply?: string;
  readonly headers?: { readonly code: number; get(name: string): string };
  /** The body as text. */
  string(): string;
  /** False where nobody asked for an answer. */
  respond(body: string): boolean;
}

/** The subscription of one subject, until it is ended. */
export interface NatsSubscription {
  /** At once: what is on its way is dropped, and whoever asked waits in vain. */
  unsubscribe(): void;
  /** Nothing new is sent here; what is on its way is still handed on. Rejects where the connection is closed. */
  drain(): Promise<void>;
}

/**
 * The border to NATS: what we use of a connection of nats.js, and no more. The simulation puts its own network behind
 * it. `publish` throws where the connection is closed.
 */
export interface NatsPeer {
  subscribe(
    subject: string,
    options: { readonly queue?: string; callback(error: Error | null, message: NatsMessage): void },
  ): NatsSubscription;
  publish(subject: string, body: string, options?: PublishOptions): void;
  flush(): Promise<void>;
  drain(): Promise<void>;
  close(): Promise<void>;
  closed(): Promise<unknown>;
  isClosed(): boolean;
  status(): AsyncIterable<{ readonly type: string; readonly data: unknown }>;
}
