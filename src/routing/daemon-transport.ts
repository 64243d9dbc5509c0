import type { DaemonAddress } from "./daemon-host.ts";
import type { DaemonCommand, ToolRequest } from "./daemon-router.ts";

/**
 * How one request was taken. `not_here`: whoever answered does not hold that epoch. `no_responders`: nobody listens
 * to it. `no_answer`: nothing came in time, it may have arrived. `away`: nothing came, and nothing could have been
 * carried, to no daemon at all. `invalid`: it was not understood.
 */
export type SendAnswer =
  | { readonly kind: "accepted" | "not_here" | "busy" | "no_responders" | "no_answer" | "away" }
  | { readonly kind: "invalid"; readonly message: string };

/** What a host tells later of a call that it accepted: `done`: look at the ledger; `refused`: send it again. */
export type CallNews = "done" | "refused";

/** Carries requests to whoever holds a daemon under one epoch. It decides nothing: the delivery does. */
export interface DaemonTransport {
  /** False while nothing can be carried, to no daemon at all: NATS is away. */
  readonly canCarry: boolean;
  /** Resolves within `LIMITS.acceptedMs` and `LIMITS.natsProbeMs`. With `wantsNews` the host tells the listeners of what comes of the call, as far as it can. */
  send(address: DaemonAddress, request: ToolRequest, wantsNews: boolean, signal: AbortSignal): Promise<SendAnswer>;
  onNews(listener: (toolCallId: string, news: CallNews) => void): () => void;
  /** True where a host passed it on. `kill`: without a grace period. */
  cancel(address: DaemonAddress, toolCallId: string, kill: boolean, signal: AbortSignal): Promise<boolean>;
  isOnline(address: DaemonAddress, signal: AbortSignal): Promise<boolean>;
  /** Throws `daemon_offline`, `deadline_exceeded`, `failed_precondition`, `resource_exhausted`. */
  command(address: DaemonAddress, command: DaemonCommand, signal: AbortSignal): Promise<void>;
  check(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
