import { LIMITS } from "../core/limits.ts";

/** Collecting takes a sixth of the time at most: in a large heap it takes long, and stops everything. */
const REST_TO_WORK = 5;

/**
 * The chunks that were read of pipes and are done with. Each is memory of its own outside the collector's heap, which does
 * not hurry for it: one GB of output then costs some 45 MB more at its peak. Collected every `LIMITS.readGarbageBytes`
 * it costs some 20 MB, for 4 ms each time in a daemon's heap.
 */
export class ReadGarbage {
  private bytes = 0;
  private notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly collect: () => void = () => Bun.gc(true),
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** So much more was read, and nobody needs it any more. */
  add(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes < LIMITS.readGarbageBytes) return;
    const beganAtMs = this.nowMs();
    if (beganAtMs < this.notBeforeMs) return;
    this.bytes = 0;
    this.collect();
    const endedAtMs = this.nowMs();
    this.notBeforeMs = endedAtMs + REST_TO_WORK * (endedAtMs - beganAtMs);
  }
}
