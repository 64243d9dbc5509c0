import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import type { ToxicLane } from "./toxic-lane.ts";
import type { LaneEvent } from "./toxic-pacer.ts";
import type { Toxic } from "./toxics.ts";

export interface LanePumpOptions {
  readonly source: Socket;
  readonly sink: Socket;
  readonly lane: ToxicLane;
  readonly clock: Clock;
  /** The lane says that the whole connection ends. */
  readonly onCut: (how: "close" | "reset") => void;
}

/**
 * Moves one direction of a connection through its lane. Reads no further while the sink is full or the lane holds
 * `TRIAL_LIMITS.toxicQueueBytes`; where nothing is in force it writes each chunk straight through.
 */
export class LanePump {
  private isPaused = false;
  /** The sink has said that it is full, and not yet that it has drained. */
  private isBlocked = false;
  private stopTimer: () => void = () => undefined;
  private hasEnded = false;

  constructor(private readonly options: LanePumpOptions) {
    const { source, sink, lane } = options;
    source.on("data", (chunk: Buffer) => {
      if (!lane.isClear || this.isBlocked) return this.receive({ kind: "data", bytes: chunk });
      if (sink.writable && !sink.write(chunk)) this.block();
    });
    source.on("end", () => {
      this.hasEnded = true;
      this.receive({ kind: "end" });
    });
    // A close without an end before it: the peer has reset the connection, or is gone.
    source.on("close", () => {
      if (!this.hasEnded) this.receive({ kind: "reset" });
    });
    sink.on("drain", () => {
      this.isBlocked = false;
      this.pump();
    });
  }

  setToxics(toxics: readonly Toxic[]): void {
    this.options.lane.setToxics(toxics, this.now());
    this.pump();
  }

  /** No timer of it is left. */
  stop(): void {
    this.stopTimer();
  }

  private receive(event: LaneEvent): void {
    this.options.lane.receive(event, this.now());
    this.pump();
  }

  private block(): void {
    this.isBlocked = true;
    this.pace();
  }

  /** Lets out what is due, and sets the timer for what will be. */
  private pump(): void {
    const { lane, clock } = this.options;
    this.stopTimer();
    const nowMs = this.now();
    while (!this.isBlocked || lane.strikesAtMs <= nowMs) {
      const event = lane.take(nowMs);
      if (event === undefined) break;
      this.letOut(event);
    }
    this.pace();
    const nextAtMs = this.isBlocked ? lane.strikesAtMs : lane.nextAtMs;
    if (Number.isFinite(nextAtMs)) this.stopTimer = clock.after(Math.max(0, nextAtMs - nowMs), () => this.pump());
  }

  private letOut(event: LaneEvent): void {
    const { sink, onCut } = this.options;
    switch (event.kind) {
      case "data":
        if (sink.writable && !sink.write(event.bytes)) this.isBlocked = true;
        return;
      case "end":
        sink.end();
        return;
      case "close":
      case "reset":
        onCut(event.kind);
    }
  }

  /** Reads from the source, or does not. */
  private pace(): void {
    const { source, lane } = this.options;
    const wanted = this.isBlocked || lane.queuedBytes >= TRIAL_LIMITS.toxicQueueBytes;
    if (wanted === this.isPaused) return;
    this.isPaused = wanted;
    if (wanted) source.pause();
    else source.resume();
  }

  private now(): number {
    return this.options.clock.stamp().monotonicMs;
  }
}
