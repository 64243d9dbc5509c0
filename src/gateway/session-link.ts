import type { ReliantError } from "../core/errors.ts";
import type { DaemonAddress } from "../routing/daemon-host.ts";
import type { OutboundFrame } from "./outbound.ts";

/** A session as its parts see it: where frames go, and how it is ended. */
export interface SessionLink {
  readonly address: DaemonAddress;
  readonly isEnded: boolean;
  /** The daemon was asked to go elsewhere: its next connection may come before this one ends. */
  readonly isLeaving: boolean;
  /** In the main lane. A daemon that does not read ends the session. */
  send(frame: OutboundFrame): void;
  /** In the lane that overtakes. A daemon that does not read ends the session. */
  sendControl(frame: OutboundFrame): void;
  /** The same, but it may wait for another frame to go with, at most `LIMITS.ackDelayMs`. */
  sendLater(frame: OutboundFrame): void;
  end(reason: ReliantError): void;
}
