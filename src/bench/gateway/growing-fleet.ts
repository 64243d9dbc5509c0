import type { Installation } from "../installation.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import type { DriverOptions } from "./part-options.ts";

const CONNECT_MS = 120_000;

/** Daemons on one gateway, of which more and more are connected. */
export class GrowingFleet {
  private readonly fleets: Fleet[] = [];
  private count = 0;

  constructor(
    private readonly installation: Installation,
    private readonly options: Omit<DriverOptions, "first" | "count">,
    /** Of each growth. */
    private readonly processes: number,
  ) {}

  /** Until so many are connected. Throws `deadline_exceeded`. */
  async growTo(count: number): Promise<void> {
    const more = count - this.count;
    const fleet = await startFleet(this.installation, more, this.processes, this.options, this.count);
    this.fleets.push(fleet);
    await fleet.awaitThat("the daemons", ({ connected }) => connected === more, CONNECT_MS);
    this.count = count;
  }

  async stop(): Promise<void> {
    await Promise.all(this.fleets.map((fleet) => fleet.stop()));
  }
}
