import { ReliantError } from "../core/errors.ts";
import { agreeOnProtocol, OUR_PROTOCOL, type ProtocolRange } from "../routing/daemon-protocol.ts";
import type { RefusalReason } from "./gateway-frames.ts";

/** Why the daemon gives up after a refusal, with what to do next; undefined where it tries again. */
export function stopReason(refused: {
  readonly reason: RefusalReason;
  readonly message: string;
  readonly protocol?: ProtocolRange;
}): ReliantError | undefined {
  const detail = refused.message === "" ? "" : `: ${refused.message}`;
  switch (refused.reason) {
    case "replaced":
      return new ReliantError("failed_precondition", `stopped: another process took this daemon's place${detail}`, {
        hint: "two daemons use one daemon id; give one of them another --data-dir and register it",
      });
    case "protocol":
      return new ReliantError("protocol_mismatch", `stopped: the gateway speaks another protocol version${detail}`, {
        hint: protocolHint(refused.protocol),
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

function protocolHint(gateway: ProtocolRange | undefined): string {
  const anyway = "install the release of reliant that the servers run";
  if (gateway === undefined) return anyway;
  switch (agreeOnProtocol(OUR_PROTOCOL, gateway).kind) {
    case "we_too_old":
      return "this daemon is too old: update reliant on this machine to the release that the servers run";
    case "peer_too_old":
      return "the servers are too old: have them updated, or install on this machine the release that they run";
    case "agreed":
      return anyway;
  }
}
