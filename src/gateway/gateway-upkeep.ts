import type { Clock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { Periodic } from "../core/periodic.ts";
import type { DaemonFence } from "../store/daemons.ts";
import type { DaemonRegistry } from "./daemon-registry.ts";
import type { DaemonSession } from "./daemon-session.ts";
import type { GatewayStore } from "./gateway-store.ts";
import { endRevoked } from "./token-watch.ts";

/** Paces of what a gateway does for all its connections at once, milliseconds. */
export interface UpkeepTimes {
  readonly tokenCheckMs: number;
  readonly supersededCheckMs: number;
  readonly heartbeatIdleMs: number;
  readonly outputRefillMs: number;
}

export interface UpkeepDeps {
  readonly store: Pick<GatewayStore, "daemons" | "tokens">;
  readonly registry: DaemonRegistry<DaemonSession>;
  readonly clock: Clock;
  readonly times: UpkeepTimes;
  readonly log: Logger;
}

/** What a gateway does for all its connections at once: each task one query, whatever their number. */
export class GatewayUpkeep {
  private readonly tasks: readonly Periodic[];
  private readonly withOutput = new Set<DaemonSession>();
  /** Those that were found superseded on their way elsewhere, by the last check. */
  private movedOn: ReadonlySet<DaemonSession> = new Set();
  private touchedAtMs: number;

  constructor(private readonly deps: UpkeepDeps) {
    const { clock, log, times } = deps;
    this.touchedAtMs = clock.stamp().monotonicMs;
    const task = (name: string, everyMs: number, work: () => Promise<void> | void) =>
      new Periodic(work, { name, everyMs, clock, log });
    this.tasks = [
      task("end connections of revoked tokens", times.tokenCheckMs, () => this.checkTokens()),
      task("end superseded connections", times.supersededCheckMs, () => this.checkSuperseded()),
      task("note daemons as seen", times.heartbeatIdleMs, () => this.touch()),
      task("give output credit back", times.outputRefillMs, () => this.refill()),
    ];
  }

  start(): void {
    for (const task of this.tasks) task.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.tasks.map((task) => task.stop()));
  }

  /** The session has live output: it gets its credit back with the next round. */
  hasOutput(session: DaemonSession): void {
    this.withOutput.add(session);
  }

  private async checkTokens(): Promise<void> {
    const ended = await endRevoked(this.deps.store.tokens, this.deps.registry.all(), this.deps.clock);
    if (ended > 0) this.deps.log.info("connections of revoked tokens were ended", { ended });
  }

  private async checkSuperseded(): Promise<void> {
    const { registry, store } = this.deps;
    const sessions = [...registry.all()].filter((session) => session.isOnline);
    if (sessions.length === 0) return;
    const superseded = await store.daemons.supersededAmong(sessions.map(fenceOf));
    const movedOn = new Set<DaemonSession>();
    for (const session of sessions) {
      const { daemonId, epoch } = session.address;
      if (!superseded.has(daemonId)) continue;
      // It leaves by itself when its next connection is welcome, which comes a little after the new epoch.
      if (session.isLeaving && !this.movedOn.has(session)) {
        movedOn.add(session);
        continue;
      }
      session.end(new ReliantError("conflict", `epoch ${epoch} of daemon ${daemonId} is superseded: connect again`));
    }
    this.movedOn = movedOn;
  }

  private touch(): void {
    const { clock, registry, store } = this.deps;
    const sinceMs = this.touchedAtMs;
    this.touchedAtMs = clock.stamp().monotonicMs;
    const seen = [...registry.all()].filter((session) => session.isOnline && session.heardSince(sinceMs));
    if (seen.length > 0) store.daemons.touch(seen.map(fenceOf), clock.now());
  }

  private refill(): void {
    for (const session of this.withOutput) {
      if (!session.refill()) this.withOutput.delete(session);
    }
  }
}

function fenceOf(session: DaemonSession): DaemonFence {
  return { daemonId: session.address.daemonId, epoch: session.address.epoch };
}
