import { ReliantError } from "../core/errors.ts";
import type { RefusalReason } from "./gateway-frames.ts";

/** Why the daemon gives up after a refusal, with what to do next; undefined where it tries again. */
export function stopReason(refused: { reason: RefusalReason; message: string }): ReliantError | undefined {
  const detail = refused.message === "" ? "" : `: ${refused.message}`;
  switch (refused.reason) {
    case "replaced":
      return new ReliantError("failed_precondition", `stopped: another process took this daemon's place${detail}`, {
        hint: "two daemons use one daemon id; give one of them another --data-dir and register it",
      });
    case "protocol":
      return new ReliantError("failed_precondition", `stopped: the gateway speaks another protocol version${detail}`, {
        hint: "install the version of reliant that the servers run",
      });
    case "identity":
      return new ReliantError("permission_denied", `stopped: this daemon is not this user's${detail}`, {
        hint: "check --user-id; or give another --daemon-id or --data-dir, or run `reliant daemon register` again",
      });
    case "token":
      return new ReliantError("unauthenticated", `stopped: the gateway does not take the token${detail}`, {
        hint: "run `reliant daemon register` with a new token",
      });
    case "epoch":
    case "journal":
    case "other":
      return undefined;
  }
}
