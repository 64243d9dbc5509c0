import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import type { Daemon, Daemons } from "../store/daemons.ts";
import type { ChooseDaemon } from "./activity-deps.ts";

/**
 * The daemon that the chat names, online or not; else the user's default: connected, most recent. Where none is, the one
 * that was there a moment ago: it may be on its way to another gateway.
 */
export function chooseDaemonFrom(daemons: Pick<Daemons, "find" | "findDefault" | "list">, clock: Clock): ChooseDaemon {
  return async ({ userId, daemonId }) => {
    if (daemonId !== undefined) return daemons.find(userId, daemonId);
    const nowMs = clock.now();
    return (await daemons.findDefault(userId, nowMs)) ?? lastSeen(await daemons.list(userId), nowMs);
  };
}

function lastSeen(daemons: readonly Daemon[], nowMs: number): Daemon | undefined {
  const seenAtMs = (daemon: Daemon) => daemon.lastSeenAtMs ?? 0;
  return daemons
    .filter((daemon) => nowMs - seenAtMs(daemon) < LIMITS.reconnectGraceMs)
    .toSorted((a, b) => seenAtMs(b) - seenAtMs(a))[0];
}
