import type { ToolCall } from "../chat/tool-call.ts";

/** One tool call on its way to a daemon. The call itself is in the ledger, in `requested` or later. */
export interface ToolRequest {
  readonly toolCallId: string;
  readonly chatId: string;
  readonly userId: string;
  readonly daemonId: string;
  readonly toolName: string;
  /** A JSON object as text. */
  readonly inputJson: string;
  /** Folders on the daemon's machine that the call may touch. */
  readonly roots: readonly string[];
  /** Time of the tool itself. */
  readonly timeoutMs: number;
  /** W3C trace context; passed on as it is. */
  readonly traceparent?: string;
}

/** An order to a connected daemon that is no tool call. */
export type DaemonCommand = { readonly kind: "load_config" };

/**
 * Sends work to the daemons, wherever they are connected. Drivers: NATSDaemonRouter, LocalDaemonRouter.
 * Contract: tests/contract/daemon-router.test.ts.
 */
export interface DaemonRouter {
  /**
   * Dispatches the call and returns when a gateway has accepted it (the offer is on its way). The same id may be sent
   * again at any time. Ends the call as `failed` (daemon_offline) after `LIMITS.daemonOfflineMs` without an `accepted`,
   * or at once where the store says that the daemon is not connected; resolves then too: the ledger has the outcome.
   */
  sendToolRequest(request: ToolRequest, signal: AbortSignal): Promise<void>;
  /** The same, and waits until the ledger has the call's outcome: rung, or by a slow poll. Answers the ledger's row. */
  sendToolRequestSync(request: ToolRequest, signal: AbortSignal): Promise<ToolCall>;
  /** Ends a call, started or not. Before the start by the ledger alone; a running one through its daemon. Best effort: repeat until the ledger has an outcome. */
  cancelToolCall(toolCall: Pick<ToolCall, "id" | "userId">): Promise<void>;
  /** As cancel, without a grace period for the tool's process group. Throws `daemon_offline`. */
  killProcess(toolCall: Pick<ToolCall, "id" | "userId" | "daemonId">, signal: AbortSignal): Promise<void>;
  /** True where a gateway holds the daemon's stream and it is alive. */
  isOnline(daemon: { readonly userId: string; readonly daemonId: string }, signal: AbortSignal): Promise<boolean>;
  /** Throws `daemon_offline` where no gateway answers, `failed_precondition` where the daemon refuses. */
  sendCommand(
    daemon: { readonly userId: string; readonly daemonId: string },
    command: DaemonCommand,
    signal: AbortSignal,
  ): Promise<void>;
  check(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
