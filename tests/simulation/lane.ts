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
  private isCut = false;
  private losesUnderWay = false;

  constructor(
    private readonly world: World,
    private readonly to: Life,
    /** Told of each frame when it has come. */
    private readonly onFrame: (frame: Frame) => void = () => undefined,
  ) {}

  /** Resolves when the next frame may be sent. */
  async send(frame: Frame, label: string): Promise<void> {
    const { world } = this;
    this.underWay++;
    const isLost = this.isCut;
    const wayMs = this.wayMs();
    this.lastAtMs = Math.max(this.lastAtMs, world.nowMs + wayMs);
    world.scheduler.at(this.lastAtMs, this.to, () => {
      if (isLost || this.losesUnderWay) return;
      world.history.note(`${this.to.name} gets ${label}`);
      this.onFrame(frame);
      this.queue.push(frame);
    });
    if (this.underWay < WINDOW) return;
    await new Promise<void>((resolve) => {
      this.makeRoom = resolve;
    });
  }

  private wayMs(): number {
    const { faults, chance } = this.world;
    // Packets are lost one after the other: TCP tries again, and whatever follows waits, up to where a peer counts as dead.
    if (faults.hits("stream: stands still")) return 4_000 + chance.real() * 10_000;
    return faults.hits("stream: frame delayed") ? this.world.longMs() : this.world.latencyMs();
  }

  /** What has come, for the one reader; each frame that it takes makes room for another one. */
  async *frames(): AsyncGenerator<Frame, void, undefined> {
    for await (const frame of this.queue) {
      this.underWay--;
      this.makeRoom?.();
      yield frame;
    }
  }

  /** Nothing passes any more; what is under way may still arrive, as the last segments of a connection do. */
  cut(underWay?: "keeps"): void {
    if (this.isCut) return;
    this.isCut = true;
    this.losesUnderWay = underWay === undefined && this.world.chance.hits(0.5);
  }

  /** Whatever is sent from now on comes that much later. */
  holdBack(ms: number): void {
    this.lastAtMs = Math.max(this.lastAtMs, this.world.nowMs + ms);
  }

  fail(error: unknown): void {
    this.queue.fail(error);
  }

  /** What was sent still arrives, then the end, or the error. */
  end(error: unknown): void {
    this.lastAtMs = Math.max(this.lastAtMs, this.world.nowMs + this.world.latencyMs());
    this.world.scheduler.at(this.lastAtMs, this.to, () => {
      if (this.isCut) return;
      if (error === undefined) this.queue.close();
      else this.queue.fail(error);
    });
  }
}
