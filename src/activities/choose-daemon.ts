import type { Clock } from "../core/clock.ts";
import type { Daemons } from "../store/daemons.ts";
import type { ChooseDaemon } from "./activity-deps.ts";

/** The daemon that the chat names, online or not; else the user's default: connected, most recent. */
export function chooseDaemonFrom(daemons: Pick<Daemons, "find" | "findDefault">, clock: Clock): ChooseDaemon {
  return ({ userId, daemonId }) =>
    daemonId === undefined ? daemons.findDefault(userId, clock.now()) : daemons.find(userId, daemonId);
}
