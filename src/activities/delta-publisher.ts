import type { Clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import type { UpdateHub } from "../updates/update-hub.ts";
import type { LiveAnswer } from "./live-answer.ts";

/** Sends what a model writes to whoever watches: the first words at once, later ones every `LIMITS.deltaMs`. */
export class DeltaPublisher {
  private sentAtMs = Number.NEGATIVE_INFINITY;
  private disarm: (() => void) | undefined;

  constructor(
    private readonly options: {
      readonly hub: Pick<UpdateHub, "publish">;
      readonly clock: Clock;
      readonly userId: string;
      readonly live: LiveAnswer;
    },
  ) {}

  /** Something may have come. */
  changed(): void {
    if (this.disarm !== undefined) return;
    const waitMs = this.sentAtMs + LIMITS.deltaMs - this.options.clock.now();
    if (waitMs <= 0) this.flush();
    else this.disarm = this.options.clock.after(waitMs, () => this.flush());
  }

  flush(): void {
    this.close();
    const { hub, clock, userId, live } = this.options;
    const deltas = live.takeDeltas();
    if (deltas.length === 0) return;
    this.sentAtMs = clock.now();
    for (const delta of deltas) hub.publish({ kind: "delta", userId, delta });
  }

  /** Sends nothing more by itself. */
  close(): void {
    this.disarm?.();
    this.disarm = undefined;
  }
}
