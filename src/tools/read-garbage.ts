import { LIMITS } from "../core/limits.ts";

/**
 * The chunks that were read of pipes and are done with. Each is memory of its own outside the collector's heap, which does
 * not hurry for it: one GB of output then costs some 45 MB more at its peak. Collected every `LIMITS.readGarbageBytes`
 * it costs some 20 MB, for 4 ms each time in a daemon's heap, and no more processor time in all.
 */
export class ReadGarbage {
  private bytes = 0;

  constructor(private readonly collect: () => void = () => Bun.gc(true)) {}

  /** So much more was read, and nobody needs it any more. */
  add(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes < LIMITS.readGarbageBytes) return;
    this.bytes = 0;
    this.collect();
  }
}
