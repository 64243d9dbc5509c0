import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { within } from "../core/within.ts";
import type { DaemonHost } from "./daemon-host.ts";
import { LedgerDaemonRouter } from "./ledger-daemon-router.ts";
import { LocalDaemonTransport } from "./local-daemon-transport.ts";
import type { RouterStore, RouterTimes } from "./tool-request.ts";

export interface LocalDaemonRouterDeps {
  readonly store: RouterStore;
  readonly host: DaemonHost;
  readonly clock: Clock;
  /** Starts this process's own daemon and resolves when it is connected; called with each request: it does nothing where the daemon is connected. Bounded by `LIMITS.commandMs`. */
  readonly ensureDaemon: () => Promise<void>;
  readonly times?: Partial<RouterTimes>;
}

/** The router of the monolith: gateway and daemon are in this process, and the daemon starts with the first request. */
export class LocalDaemonRouter extends LedgerDaemonRouter {
  private starting: Promise<void> | undefined;

  constructor(private readonly local: LocalDaemonRouterDeps) {
    super({ ...local, transport: new LocalDaemonTransport(local.host) });
  }

  /** Each request has the daemon looked after; all that come meanwhile wait for the same look. */
  protected override async prepare(signal: AbortSignal): Promise<void> {
    this.starting ??= this.local.ensureDaemon().finally(() => {
      this.starting = undefined;
    });
    const { clock } = this.local;
    await within(this.starting, { ms: LIMITS.commandMs, act: "start this machine's daemon", clock, signal });
  }
}
