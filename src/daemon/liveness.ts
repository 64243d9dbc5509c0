import { ageMs, type Clock, type Stamp } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";

/** What one look at a connection's clock says. `slept`: this machine was asleep, so the peer has long given it up. */
export type LivenessVerdict = "quiet" | "beat" | "dead" | "slept";

export interface LivenessLook {
  readonly verdict: LivenessVerdict;
  /** Look again after so many milliseconds: when a beat is due, or the silence too long. */
  readonly nextMs: number;
}

/**
 * Whether one connection lives (design §3 "One daemon connection"): heartbeats go out every 30 s, every 5 s while a call is
 * open; a peer that is silent for as long as it may be is dead.
 */
export class Liveness {
  /** The longest between two looks, so that a sleep of the machine is noticed soon. */
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

  /** Whether a call is open now. True where one is and none was: look at once, the times are shorter from here on. */
  note(busy: boolean): boolean {
    const begins = busy && this.busySince === undefined;
    if (!busy) this.busySince = undefined;
    else this.busySince ??= this.clock.stamp();
    return begins;
  }

  look(busy: boolean): LivenessLook {
    const sinceLookMs = ageMs(this.clock, this.lookedAt);
    this.lookedAt = this.clock.stamp();
    this.note(busy);
    const everyMs = busy ? LIMITS.heartbeatBusyMs : LIMITS.heartbeatIdleMs;
    const leftMs = (busy ? LIMITS.deadBusyMs : LIMITS.deadIdleMs) - this.silentMs();
    if (sinceLookMs > LIMITS.daemonSleptMs) return { verdict: "slept", nextMs: 0 };
    if (leftMs <= 0) return { verdict: "dead", nextMs: 0 };
    const due = ageMs(this.clock, this.beatAt) >= everyMs;
    if (due) this.beatAt = this.clock.stamp();
    const beatInMs = everyMs - ageMs(this.clock, this.beatAt);
    return { verdict: due ? "beat" : "quiet", nextMs: Math.max(1, Math.min(Liveness.paceMs, leftMs, beatInMs)) };
  }

  /** The peer beats faster only from when a call is open, so that a silence from before does not count against it. */
  private silentMs(): number {
    const heardMs = ageMs(this.clock, this.heardAt);
    return this.busySince === undefined ? heardMs : Math.min(heardMs, ageMs(this.clock, this.busySince));
  }
}
