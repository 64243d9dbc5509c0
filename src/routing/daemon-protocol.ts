/**
 * Version of the frames between daemon and gateway (proto/reliant/v1/daemon.proto). Raised when a side could no longer
 * follow one that knows nothing of the change; what a side may do without has a name in {@link CAPABILITY} instead.
 */
const PROTOCOL_VERSION = 1;
/** The oldest version that this release still speaks. Raised no sooner than a release after the last one that speaks it only. */
const MIN_PROTOCOL_VERSION = 1;

/** Versions that a side speaks, from `min` to `max`. */
export interface ProtocolRange {
  readonly min: number;
  readonly max: number;
}

export const OUR_PROTOCOL: ProtocolRange = { min: MIN_PROTOCOL_VERSION, max: PROTOCOL_VERSION };

export type ProtocolAgreement =
  | { readonly kind: "agreed"; readonly version: number }
  | { readonly kind: "peer_too_old" }
  | { readonly kind: "we_too_old" };

/** The newest version that both speak, or which side is too old to have one in common. */
export function agreeOnProtocol(ours: ProtocolRange, theirs: ProtocolRange): ProtocolAgreement {
  if (theirs.max < ours.min) return { kind: "peer_too_old" };
  if (ours.max < theirs.min) return { kind: "we_too_old" };
  return { kind: "agreed", version: Math.min(ours.max, theirs.max) };
}

/** A range as it stands in a frame: a side that does not tell its oldest version speaks only the one that it names. */
export function protocolRange(max: number, min: number): ProtocolRange {
  return { max, min: min > 0 ? Math.min(min, max) : max };
}

/** `protocol 1`, `protocols 2 to 4`. */
export function protocolText({ min, max }: ProtocolRange): string {
  return min === max ? `protocol ${max}` : `protocols ${min} to ${max}`;
}

/**
 * Names of what a side can do, told in hello and welcome. A side that meets a name it does not know passes over it. This
 * release asks for none of them: they are told so that a later one can send what is new only to a peer that names it.
 */
const CAPABILITY = {
  /** Frames, and fields of frames, that it does not know do not end the connection: they are skipped and counted. */
  skipsUnknownFrames: "skips-unknown-frames",
  /** Answers a command of a kind that it does not know with a refusal, at once. */
  refusesUnknownCommands: "refuses-unknown-commands",
  /** Asks its daemons by `drain` to go elsewhere before it stops. */
  drains: "drain",
} as const;

export const GATEWAY_CAPABILITIES: readonly string[] = [CAPABILITY.skipsUnknownFrames, CAPABILITY.drains];
export const DAEMON_CAPABILITIES: readonly string[] = [
  CAPABILITY.skipsUnknownFrames,
  CAPABILITY.refusesUnknownCommands,
];

/** The capability of a daemon that has this tool. */
export function toolCapability(toolName: string): string {
  return `tool:${toolName}`;
}
