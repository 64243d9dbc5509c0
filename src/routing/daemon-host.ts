import type { ToolCallOutcome } from "../chat/tool-call.ts";
import type { DaemonCommand, ToolRequest } from "./daemon-router.ts";

/** One daemon under one epoch. */
export interface DaemonAddress {
  readonly userId: string;
  readonly daemonId: string;
  readonly epoch: number;
}

/** How a host takes a request. `not_here`: it does not hold that epoch. `busy`: the daemon's queue is full. */
export type OfferAnswer = "accepted" | "not_here" | "busy";

/**
 * Whoever holds daemons' connections: the gateway's ToolsDaemonService, or the monolith's. Bridges call it; it never
 * blocks on a daemon.
 */
export interface DaemonHost {
  /** Sends `offer` down the stream of exactly that epoch. */
  offer(address: DaemonAddress, request: ToolRequest): OfferAnswer;
  cancel(address: DaemonAddress, toolCallId: string, kill: boolean): boolean;
  isOnline(address: DaemonAddress): boolean;
  /** Resolves when the daemon has answered. Throws `daemon_offline`, `deadline_exceeded`, `failed_precondition`. */
  command(address: DaemonAddress, command: DaemonCommand, signal: AbortSignal): Promise<void>;
  /** Told of each outcome that this host found or wrote in the ledger; the answer ends it. */
  onOutcome(listener: (address: DaemonAddress, toolCallId: string, outcome: ToolCallOutcome) => void): () => void;
  /** Told when a daemon refused an offer that was accepted here: the ledger is unchanged, send it again later. */
  onRefused(listener: (address: DaemonAddress, toolCallId: string) => void): () => void;
  /** Told of each call that was open on a connection when that ended: its daemon may be elsewhere by now, look at the store. */
  onLeft(listener: (address: DaemonAddress, toolCallId: string) => void): () => void;
  /** Told when a daemon's epoch begins here (before its welcome: subscribe, then resolve) and when it has ended. */
  onDaemon(listener: {
    begins(address: DaemonAddress): Promise<void>;
    ended(address: DaemonAddress): void;
  }): () => void;
}
