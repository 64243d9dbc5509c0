import { ReliantError } from "../core/errors.ts";
import type { ConnectRequest } from "../gen/reliant/v1/daemon_pb.ts";

/** Whoever takes a daemon's frames once its connection stands. */
export interface FrameReceiver {
  /** A promise where the next frame must wait. */
  receive(frame: ConnectRequest): Promise<void> | undefined;
  /** The daemon sends no more. */
  finished(): void;
  failed(error: unknown): void;
}

/** The daemon's end of one connection, as long as nobody takes its frames yet: the first one is its hello, the next must wait. */
export class Inlet {
  /** Rejects with `cancelled` where the daemon leaves before its first frame. */
  readonly first: Promise<ConnectRequest>;
  private resolveFirst: (frame: ConnectRequest) => void = () => undefined;
  private rejectFirst: (error: unknown) => void = () => undefined;
  private receiver: FrameReceiver | undefined;
  private ended: { readonly error: unknown } | "finished" | undefined;
  private release: (() => void) | undefined;

  constructor() {
    this.first = new Promise((resolve, reject) => {
      this.resolveFirst = resolve;
      this.rejectFirst = reject;
    });
    // Where nobody waits for the hello any more.
    this.first.catch(() => undefined);
  }

  /** A promise where the next frame must wait. */
  take(frame: ConnectRequest): Promise<void> | undefined {
    if (this.receiver !== undefined) return this.receiver.receive(frame);
    this.resolveFirst(frame);
    return new Promise((resolve) => {
      this.release = resolve;
    });
  }

  finished(): void {
    this.ended ??= "finished";
    this.rejectFirst(new ReliantError("cancelled", "wait for the daemon's hello: the stream has ended"));
    this.receiver?.finished();
  }

  failed(error: unknown): void {
    this.ended ??= { error };
    this.rejectFirst(error);
    this.receiver?.failed(error);
  }

  /** From now on the frames are the receiver's; if they have ended meanwhile, it is told at once. */
  handOver(receiver: FrameReceiver): void {
    this.receiver = receiver;
    if (this.ended === "finished") receiver.finished();
    else if (this.ended !== undefined) receiver.failed(this.ended.error);
    this.release?.();
    this.release = undefined;
  }
}
