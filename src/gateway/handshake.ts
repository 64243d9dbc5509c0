import type { Identity } from "../auth/identity.ts";
import { unreachable } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { type Hello, Refused_Reason } from "../gen/reliant/v1/daemon_pb.ts";
import type { DaemonAddress } from "../routing/daemon-host.ts";
import {
  agreeOnProtocol,
  OUR_PROTOCOL,
  type ProtocolRange,
  protocolRange,
  protocolText,
} from "../routing/daemon-protocol.ts";
import type { Daemons, HelloClaim } from "../store/daemons.ts";

export interface Refusal {
  readonly reason: Refused_Reason;
  readonly message: string;
  /** 0: not told. */
  readonly currentEpoch: number;
  /** Of this gateway, where the versions are the reason. */
  readonly protocol?: ProtocolRange;
}

export type Handshake =
  | { readonly kind: "taken"; readonly address: DaemonAddress; readonly protocolVersion: number }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/**
 * Answers a daemon's hello: moves the epoch to a new one that this gateway holds, or says why not. Throws what the store
 * throws. The signal: the daemon has left, and its claim must not move the epoch any more.
 */
export async function shakeHands(
  deps: {
    readonly daemons: Pick<Daemons, "hello">;
    readonly gatewayId: string;
    /** What this gateway speaks; default: what this release does. */
    readonly protocol?: ProtocolRange;
  },
  hello: Hello,
  identity: Identity,
  signal: AbortSignal,
): Promise<Handshake> {
  const { userId } = identity;
  const protocol = deps.protocol ?? OUR_PROTOCOL;
  const daemonProtocol = protocolRange(hello.protocolVersion, hello.minProtocolVersion);
  const agreement = agreeOnProtocol(protocol, daemonProtocol);
  if (agreement.kind !== "agreed") {
    const told = protocolFault(agreement.kind, protocol, daemonProtocol);
    return { kind: "refused", refusal: { reason: Refused_Reason.PROTOCOL, message: told, currentEpoch: 0, protocol } };
  }
  if (hello.userId !== "" && hello.userId !== userId) {
    return refused(
      Refused_Reason.IDENTITY,
      `the token is not of the user ${hello.userId}: check --user-id and --token`,
    );
  }
  const daemonId = hello.daemonId === "" ? newId("dmn") : hello.daemonId;
  const claim: HelloClaim = {
    userId,
    daemonId,
    lastEpoch: Number(hello.lastEpoch),
    instanceId: hello.instanceId,
    journalId: hello.journalId,
    startCount: Number(hello.startCount),
    gatewayId: deps.gatewayId,
    name: hello.name,
    labels: hello.labels,
    platform: hello.platform,
    version: hello.version,
  };
  const answer = await deps.daemons.hello(claim, signal);
  switch (answer.kind) {
    case "taken":
      return { kind: "taken", address: { userId, daemonId, epoch: answer.epoch }, protocolVersion: agreement.version };
    case "epoch":
      return refused(
        Refused_Reason.EPOCH,
        `epoch ${answer.currentEpoch} is in force: say hello with it`,
        answer.currentEpoch,
      );
    case "journal":
      return refused(Refused_Reason.JOURNAL, "the journal is an older copy of itself: take a new journal id");
    case "replaced":
      return refused(
        Refused_Reason.REPLACED,
        `another process has taken the place of daemon ${daemonId}: stop this one`,
      );
    case "identity":
      return refused(Refused_Reason.IDENTITY, `daemon ${daemonId} belongs to another user: take another --daemon-id`);
    default:
      return unreachable(answer);
  }
}

/** Which side is too old, and what to do about it. */
function protocolFault(fault: "peer_too_old" | "we_too_old", gateway: ProtocolRange, daemon: ProtocolRange): string {
  const spoken = `the daemon speaks ${protocolText(daemon)}, this gateway ${protocolText(gateway)}`;
  return fault === "peer_too_old"
    ? `the daemon is too old: ${spoken}; update reliant on the daemon's machine`
    : `the gateway is too old: ${spoken}; update the servers, or take the daemon of their release`;
}

function refused(reason: Refused_Reason, message: string, currentEpoch = 0): Handshake {
  return { kind: "refused", refusal: { reason, message, currentEpoch } };
}
