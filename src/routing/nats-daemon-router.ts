import type { Clock } from "../core/clock.ts";
import type { NatsLink } from "../nats/nats-connection.ts";
import type { NatsPeer } from "../nats/nats-peer.ts";
import { LedgerDaemonRouter } from "./ledger-daemon-router.ts";
import { NatsDaemonTransport } from "./nats-daemon-transport.ts";
import type { RouterStore, RouterTimes } from "./tool-request.ts";

export interface NATSDaemonRouterDeps {
  readonly store: RouterStore;
  /** Stays the caller's to close. */
  readonly link: NatsLink<NatsPeer>;
  readonly clock: Clock;
  readonly times?: Partial<RouterTimes & { readonly acceptedMs: number }>;
}

/** The router of servers: the gateway that holds a daemon listens to the subjects of the daemon's epoch. */
export class NATSDaemonRouter extends LedgerDaemonRouter {
  constructor(deps: NATSDaemonRouterDeps) {
    super({ ...deps, transport: new NatsDaemonTransport(deps.link, deps.clock, deps.times?.acceptedMs) });
  }
}
