import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import { LanePump } from "./lane-pump.ts";
import { ToxicLane } from "./toxic-lane.ts";
import type { Toxic } from "./toxics.ts";

/** One connection through a proxy: a lane for each direction. */
export class ToxicConnection {
  private readonly up: LanePump;
  private readonly down: LanePump;

  /** Both sockets are connected, and let the other direction stand when one has ended (`allowHalfOpen`). */
  constructor(
    private readonly client: Socket,
    private readonly upstream: Socket,
    options: { readonly clock: Clock; readonly random: () => number; readonly onClosed: () => void },
  ) {
    const { clock, random } = options;
    const onCut = (how: "close" | "reset") => (how === "reset" ? this.reset() : this.close());
    const common = { clock, onCut };
    this.up = new LanePump({ ...common, source: client, sink: upstream, lane: new ToxicLane(random) });
    this.down = new LanePump({ ...common, source: upstream, sink: client, lane: new ToxicLane(random) });
    for (const socket of [client, upstream]) {
      socket.on("close", () => {
        if (!client.closed || !upstream.closed) return;
        this.up.stop();
        this.down.stop();
        options.onClosed();
      });
    }
  }

  setToxics(toxics: readonly Toxic[]): void {
    this.up.setToxics(toxics.filter(({ direction }) => direction === "upstream"));
    this.down.setToxics(toxics.filter(({ direction }) => direction === "downstream"));
  }

  /** RST to both ends; what is on its way is lost. */
  reset(): void {
    this.client.resetAndDestroy();
    this.upstream.resetAndDestroy();
  }

  /** Both ends are closed; what was written to them still arrives. */
  private close(): void {
    for (const socket of [this.client, this.upstream]) socket.destroySoon();
  }
}
