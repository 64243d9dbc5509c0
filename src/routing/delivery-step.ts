import type { ToolCall } from "../chat/tool-call.ts";
import { isOutcome } from "../chat/tool-call.ts";
import type { Daemon } from "../store/daemons.ts";

/** The times that a delivery goes by, milliseconds: of `LIMITS`, or shortened by tests. */
export interface DeliveryTimes {
  readonly daemonOfflineMs: number;
  readonly reconnectGraceMs: number;
  readonly onlineMs: number;
  readonly unknownAfterDeadlineMs: number;
}

/** How far the delivery of one call has come in this process. */
export interface DeliveryProgress {
  /** Since when gateways could be asked for the daemon. */
  readonly startedAtMs: number;
  /** The epoch under which a gateway accepted it; undefined: none did, or the daemon refused it since. */
  readonly acceptedEpoch?: number;
  /** True once a gateway has answered for the daemon, be it that it is busy. */
  readonly reached: boolean;
  /** True once the store said that the daemon is online: when it says otherwise later, the daemon may be on its way to another gateway. */
  readonly seenOnline: boolean;
  /** True where nothing could be carried lately, to no daemon at all: no time passes for the call. */
  readonly away: boolean;
}

/** What the store says, and the progress. */
export interface DeliveryView {
  readonly nowMs: number;
  /** What the call's deadline is compared with: `AwakeTime`. */
  readonly awakeNowMs: number;
  readonly call: Pick<ToolCall, "state" | "deadlineAtMs">;
  readonly daemonId: string;
  /** Undefined: the user has no such daemon. */
  readonly daemon: Pick<Daemon, "epoch" | "connected" | "lastSeenAtMs"> | undefined;
  /** False where the daemon's gateway was asked and nobody answered for it; asked for overdue calls only. */
  readonly reachable: boolean;
  readonly cancelRequested: boolean;
  readonly progress: Omit<DeliveryProgress, "away">;
}

export type DeliveryStep =
  /** The ledger has the outcome. */
  | { readonly kind: "done" }
  /** End the call, unless it runs by now. */
  | { readonly kind: "end"; readonly outcome: "failed" | "timed_out" | "cancelled"; readonly reason: string }
  | { readonly kind: "unreachable"; readonly reason: string }
  /** End the call as failed: its daemon does not answer. Unless nobody could have, for want of a way to it. */
  | { readonly kind: "offline"; readonly reason: string }
  | { readonly kind: "send"; readonly epoch: number }
  /** Look again when rung, or with the next poll. */
  | { readonly kind: "wait" };

const WAIT: DeliveryStep = { kind: "wait" };

/**
 * The next step in the delivery of one tool call (design §3 "One tool call"). A call is sent again, under the same id,
 * whenever the daemon's epoch is not the one that accepted it, also while it runs: a daemon that came back with another
 * journal must get to say so. Table: tests/unit/routing/delivery-step.test.ts.
 */
export function nextDeliveryStep(view: DeliveryView, times: DeliveryTimes): DeliveryStep {
  const { call, daemon, progress, nowMs, awakeNowMs } = view;
  if (isOutcome(call.state)) return { kind: "done" };
  const running = call.state === "running";
  const deadlineAtMs = call.deadlineAtMs ?? Number.POSITIVE_INFINITY;
  const online = daemon !== undefined && isOnline(daemon, nowMs, times.onlineMs);

  if (running) {
    const overdueMs = awakeNowMs - deadlineAtMs;
    if (isOverdue(view, times) && !(online && view.reachable)) {
      return {
        kind: "unreachable",
        reason: `Its machine (${view.daemonId}) is out of reach since before its time was over.`,
      };
    }
    if (overdueMs >= 2 * times.unknownAfterDeadlineMs) {
      return {
        kind: "unreachable",
        reason: `Its machine (${view.daemonId}) is connected, but never told how it ended.`,
      };
    }
  } else {
    if (view.cancelRequested) return { kind: "end", outcome: "cancelled", reason: "cancelled before it started" };
    if (awakeNowMs >= deadlineAtMs) {
      return {
        kind: "end",
        outcome: "timed_out",
        reason: "The tool was not run: its time was over before its machine could start it.",
      };
    }
    if (daemon === undefined) {
      return { kind: "end", outcome: "failed", reason: `daemon_offline: the user has no machine ${view.daemonId}` };
    }
    if (!progress.reached) {
      const mayComeBack = progress.seenOnline || wasSeenWithin(daemon, nowMs, times.reconnectGraceMs);
      const waitedLongEnough = nowMs - progress.startedAtMs >= times.daemonOfflineMs;
      if (!online && (waitedLongEnough || !mayComeBack)) {
        return offline(view, "is not connected: run `reliant daemon start` there");
      }
      if (waitedLongEnough) return offline(view, "cannot be reached now");
    }
  }
  if (!online || progress.acceptedEpoch === daemon.epoch) return WAIT;
  return { kind: "send", epoch: daemon.epoch };
}

/** True for a running call whose daemon should have told its outcome long ago. */
export function isOverdue(view: Pick<DeliveryView, "call" | "awakeNowMs">, times: DeliveryTimes): boolean {
  const { call, awakeNowMs } = view;
  if (call.state !== "running" || call.deadlineAtMs === undefined) return false;
  return awakeNowMs >= call.deadlineAtMs + times.unknownAfterDeadlineMs;
}

/** Online means seen lately, never the column alone. */
export function isOnline(daemon: Pick<Daemon, "connected" | "lastSeenAtMs">, nowMs: number, onlineMs: number): boolean {
  return daemon.connected && daemon.lastSeenAtMs !== undefined && nowMs - daemon.lastSeenAtMs < onlineMs;
}

/** True for a daemon that was there a moment ago. */
function wasSeenWithin(daemon: Pick<Daemon, "lastSeenAtMs">, nowMs: number, withinMs: number): boolean {
  return daemon.lastSeenAtMs !== undefined && nowMs - daemon.lastSeenAtMs < withinMs;
}

function offline(view: DeliveryView, why: string): DeliveryStep {
  return { kind: "offline", reason: `daemon_offline: the machine ${view.daemonId} ${why}` };
}
