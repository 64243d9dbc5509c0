import { ageMs, type Clock, type Stamp } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";

/** What one look at a connection's clock says. `slept`: this machine was asleep, so the peer has long given it up. */
export type LivenessVerdict = "quiet" | "beat" | "dead" | "slept";

/**
 * Whether one connection lives (design §3 "One daemon connection"): heartbeats go out every 30 s, every 5 s while a call is
 * open; a peer that is silent for longer than it may be is dead. To be asked every {@link Liveness.paceMs}.
 */
export class Liveness {
  static readonly paceMs = LIMITS.heartbeatBusyMs;
  private lookedAt: Stamp;
  private heardAt: Stamp;
  private beatAt: Stamp;
  private busySince: Stamp | undefined;

  constructor(private readonly clock: Clock) {
    const now = clock.stamp();
    this.lookedAt = now;
    this.heardAt = now;
    this.beatAt = now;
  }

  /** A frame came, of whatever kind. */
  heard(): void {
    this.heardAt = this.clock.stamp();
  }

  look(busy: boolean): LivenessVerdict {
    const sinceLookMs = ageMs(this.clock, this.lookedAt);
    this.lookedAt = this.clock.stamp();
    if (sinceLookMs > LIMITS.daemonSleptMs) return "slept";
    if (!busy) this.busySince = undefined;
    else this.busySince ??= this.lookedAt;
    if (this.silentMs() > (busy ? LIMITS.deadBusyMs : LIMITS.deadIdleMs)) return "dead";
    const everyMs = busy ? LIMITS.heartbeatBusyMs : LIMITS.heartbeatIdleMs;
    if (ageMs(this.clock, this.beatAt) < everyMs) return "quiet";
    this.beatAt = this.clock.stamp();
    return "beat";
  }

  /** The peer beats faster only from when a call is open, so that a silence from before does not count against it. */
  private silentMs(): number {
    const heardMs = ageMs(this.clock, this.heardAt);
    return this.busySince === undefined ? heardMs : Math.min(heardMs, ageMs(this.clock, this.busySince));
  }
}
