import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { BoundedQueue } from "../../src/core/bounded-queue.ts";
import type { ToolsDaemonService } from "../../src/gateway/tools-daemon-service.ts";
import { type ConnectRequest, ConnectRequestSchema, type ConnectResponse } from "../../src/gen/reliant/v1/daemon_pb.ts";
import { eventually } from "./eventually.ts";

export type RequestFrame = NonNullable<MessageInitShape<typeof ConnectRequestSchema>["frame"]>;
export type ResponseCase = NonNullable<ConnectResponse["frame"]["case"]>;
export type ResponseFrame<Case extends ResponseCase> = Extract<ConnectResponse["frame"], { case: Case }>["value"];

export interface FramePeer {
  readonly userId: string;
  readonly tokenId?: string | undefined;
}

/** The daemon's end of one stream, frame by frame: says nothing by itself. */
export class FrameConnection {
  /** All frames that came, in order. */
  readonly received: ConnectResponse["frame"][] = [];
  /** Resolves with what the stream ended with; undefined: it ended well. */
  readonly ended: Promise<unknown>;
  isEnded = false;
  onFrame: (frame: ConnectResponse["frame"]) => void = () => undefined;
  private readonly frames = new BoundedQueue<ConnectRequest>(10_000);
  private readonly gone = new AbortController();
  private deaf = false;

  constructor(service: Pick<ToolsDaemonService, "connect">, peer: FramePeer) {
    const identity = {
      userId: peer.userId,
      scope: "daemon" as const,
      ...(peer.tokenId === undefined ? {} : { tokenId: peer.tokenId }),
    };
    const responses = service.connect(this.frames, { identity, signal: this.gone.signal });
    this.ended = this.read(responses);
  }

  send(frame: RequestFrame): void {
    this.sendMessage(create(ConnectRequestSchema, { frame }));
  }

  /** A message as it came from the wire, whatever stands in it. */
  sendMessage(message: ConnectRequest): void {
    if (!this.frames.push(message) && !this.isEnded) {
      throw new Error("the test's own queue of frames is full or closed");
    }
  }

  /** The frames of one kind that have come. */
  all<Case extends ResponseCase>(kind: Case): ResponseFrame<Case>[] {
    return this.received.flatMap((frame) => (isCase(frame, kind) ? [frame.value as ResponseFrame<Case>] : []));
  }

  /** Waits for the `count`th frame of a kind, from 1. */
  async awaitFrame<Case extends ResponseCase>(kind: Case, count = 1): Promise<ResponseFrame<Case>> {
    await this.awaitThat(`frame ${kind}`, () => this.all(kind).length >= count);
    const frame = this.all(kind)[count - 1];
    if (frame === undefined) throw new Error(`no frame ${kind}`);
    return frame;
  }

  /** The answer to a hello. Throws what the stream ended with. */
  async awaitWelcome(): Promise<
    | { readonly kind: "welcome"; readonly frame: ResponseFrame<"welcome"> }
    | { readonly kind: "refused"; readonly frame: ResponseFrame<"refused"> }
  > {
    await this.awaitThat("the answer to hello", () => this.received.length > 0);
    const [welcome] = this.all("welcome");
    if (welcome !== undefined) return { kind: "welcome", frame: welcome };
    return { kind: "refused", frame: await this.awaitFrame("refused") };
  }

  private async awaitThat(what: string, look: () => boolean): Promise<void> {
    const giveUp = () => (this.isEnded && !look() ? "the stream has ended" : undefined);
    try {
      await eventually(what, look, { timeoutMs: 10_000, giveUp });
    } catch (error) {
      throw this.isEnded ? ((await this.ended) ?? error) : error;
    }
  }

  /** Ends our half as a process that stops does. */
  leave(): void {
    this.frames.close();
  }

  /** The connection breaks: the gateway's runtime tells it by the signal. */
  break(): void {
    this.gone.abort();
    this.frames.close();
  }

  /** From now on frames that come are not seen: the peer has gone and nobody knows. */
  stopReading(): void {
    this.deaf = true;
  }

  private async read(responses: AsyncIterable<ConnectResponse>): Promise<unknown> {
    try {
      for await (const response of responses) {
        if (this.deaf) continue;
        this.received.push(response.frame);
        this.onFrame(response.frame);
      }
      return undefined;
    } catch (error) {
      return error;
    } finally {
      this.isEnded = true;
      this.frames.close();
    }
  }
}

function isCase(frame: ConnectResponse["frame"], kind: ResponseCase): boolean {
  return frame.case === kind;
}
