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
  /** Starts this process's own daemon and resolves when it is connected; called again after it has failed. Bounded by `LIMITS.commandMs`. */
  readonly ensureDaemon: () => Promise<void>;
  readonly times?: Partial<RouterTimes>;
}

/** The router of the monolith: gateway and daemon are in this process, and the daemon starts with the first request. */
export class LocalDaemonRouter extends LedgerDaemonRouter {
  private started: Promise<void> | undefined;

  constructor(private readonly local: LocalDaemonRouterDeps) {
    super({ ...local, transport: new LocalDaemonTransport(local.host) });
  }

  /** The first request starts the daemon; all that come meanwhile wait for the same start. */
  protected override async prepare(signal: AbortSignal): Promise<void> {
    this.started ??= this.local.ensureDaemon().catch((error) => {
      this.started = undefined;
      throw error;
    });
    const { clock } = this.local;
    await within(this.started, { ms: LIMITS.commandMs, act: "start this machine's daemon", clock, signal });
  }
}
