import { BoundedQueue } from "../../src/core/bounded-queue.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

/** Frames of one direction that are under way at most: HTTP/2's window. */
const WINDOW = 64;

/** One direction of a stream: in order, each frame some time after the one before; nothing after it was cut. */
export class Lane<Frame> {
  private readonly queue = new BoundedQueue<Frame>(WINDOW);
  private lastAtMs = 0;
  private underWay = 0;
  private makeRoom: (() => void) | undefined;
  cut = false;

  constructor(
    private readonly world: World,
    private readonly to: Life,
  ) {}

  /** Resolves when the next frame may be sent. */
  async send(frame: Frame, label: string): Promise<void> {
    const { world } = this;
    this.underWay++;
    const wayMs = world.faults.hits("stream: frame delayed") ? world.longMs() : world.latencyMs();
    this.lastAtMs = Math.max(this.lastAtMs, world.nowMs + wayMs);
    world.scheduler.at(this.lastAtMs, this.to, () => {
      if (this.cut) return;
      world.history.note(`${this.to.name} gets ${label}`);
      this.queue.push(frame);
    });
    if (this.underWay < WINDOW) return;
    await new Promise<void>((resolve) => {
      this.makeRoom = resolve;
    });
  }

  /** What has come, for the one reader; each frame that it takes makes room for another one. */
  async *frames(): AsyncGenerator<Frame, void, undefined> {
    for await (const frame of this.queue) {
      this.underWay--;
      this.makeRoom?.();
      yield frame;
    }
  }

  fail(error: unknown): void {
    this.queue.fail(error);
  }

  /** What was sent still arrives, then the end, or the error. */
  end(error: unknown): void {
    this.lastAtMs = Math.max(this.lastAtMs, this.world.nowMs + this.world.latencyMs());
    this.world.scheduler.at(this.lastAtMs, this.to, () => {
      if (this.cut) return;
      if (error === undefined) this.queue.close();
      else this.queue.fail(error);
    });
  }
}
