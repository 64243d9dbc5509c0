import { ReliantError } from "../core/errors.ts";
import { checkIdToken } from "../core/ids.ts";
import type { DaemonAddress } from "./daemon-host.ts";

/** The NATS subjects of one daemon under one epoch. They end in the epoch, so that a superseded gateway gets nothing. */
export interface DaemonSubjects {
  /** ToolExecutionRequest: answered when accepted. */
  readonly request: string;
  /** ToolExecutionRequest: answered when accepted, and rung once more when the ledger has the outcome. */
  readonly syncRequest: string;
  /** DaemonCommandRequest. */
  readonly command: string;
}

/** Throws `invalid_argument` for ids that are not one subject token each, and for an epoch that was never given. */
export function daemonSubjects(address: DaemonAddress): DaemonSubjects {
  const userId = checkIdToken(address.userId, "user id");
  const daemonId = checkIdToken(address.daemonId, "daemon id");
  if (!Number.isSafeInteger(address.epoch) || address.epoch < 1) {
    throw new ReliantError(
      "invalid_argument",
      `epoch ${address.epoch} of daemon ${daemonId} is not one that was given`,
    );
  }
  const end = `${userId}.${daemonId}.${address.epoch}`;
  return {
    request: `tools.request.${end}`,
    syncRequest: `tools.request.sync.${end}`,
    command: `daemon.command.${end}`,
  };
}

/** Announcements for one user. Throws `invalid_argument`. */
export function userUpdatesSubject(userId: string): string {
  return `updates.${checkIdToken(userId, "user id")}`;
}
