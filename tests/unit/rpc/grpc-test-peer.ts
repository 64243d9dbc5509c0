import { connect, type IncomingHttpHeaders } from "node:http2";
import { type Clock, systemClock } from "../../../src/core/clock.ts";
import type { ReliantError } from "../../../src/core/errors.ts";
import { ToolsDaemonService } from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { GrpcMessageWriter } from "../../../src/rpc/grpc-message-writer.ts";
import type { GrpcCall, GrpcPeer } from "../../../src/rpc/grpc-stream.ts";
import { openRpcServer } from "../../../src/rpc/rpc-server.ts";
import type { TlsMaterial } from "../../../src/rpc/tls-material.ts";

export const PATH = "/reliant.v1.ToolsDaemonService/Connect";
export const MAX_BYTES = 100_000;
/** A frame of the gateway that says nothing: `heartbeat {}`. */
export const HEARTBEAT = Uint8Array.of(0x1a, 0);

/** Messages as they stand in the body of a call, one after the other. */
export function frameGrpcMessages(messages: readonly Uint8Array[]): Uint8Array {
  const writer = new GrpcMessageWriter();
  for (const message of messages) writer.add(message);
  return writer.take();
}

/** Answers each message with what it is told to, and tells what became of its call. */
export class TestPeer implements GrpcPeer {
  readonly out: Uint8Array[] = [];
  readonly taken: Uint8Array[] = [];
  error: ReliantError | undefined;
  over = false;
  isFinished = false;
  isGone = false;
  room: PromiseWithResolvers<void> | undefined;
  onMessage: (message: Uint8Array) => void = () => this.say(HEARTBEAT);

  /** False: the test admits the call. */
  admitsAtOnce = true;

  constructor(readonly call: GrpcCall) {}

  say(...messages: Uint8Array[]): void {
    this.out.push(...messages);
    this.call.ready();
  }

  end(error?: ReliantError): void {
    this.over = true;
    this.error = error;
    this.call.ready();
  }

  take(message: Uint8Array): Promise<void> | undefined {
    this.taken.push(Uint8Array.from(message));
    this.onMessage(message);
    return this.room?.promise;
  }

  finished(): void {
    this.isFinished = true;
    if (!this.over) this.end();
  }

  next(): Uint8Array | "wait" | "end" {
    return this.out.shift() ?? (this.over ? "end" : "wait");
  }

  failure(): ReliantError | undefined {
    return this.error;
  }

  gone(): void {
    this.isGone = true;
  }
}

/** A server whose calls are a `TestPeer` each; those that are not plain gRPC go to a service that answers, too. */
export async function startPeers(
  prepare: (peer: TestPeer) => void = () => undefined,
  clock: Clock = systemClock,
  tls?: TlsMaterial,
) {
  const peers: TestPeer[] = [];
  let served = 0;
  const server = await openRpcServer({
    ...{ name: "test", port: 0, bindAddress: "127.0.0.1", clock, tls },
    streams: [
      {
        path: PATH,
        maxMessageBytes: MAX_BYTES,
        open: (call) => {
          const peer = new TestPeer(call);
          peers.push(peer);
          prepare(peer);
          if (peer.admitsAtOnce) call.admit();
          return peer;
        },
      },
    ],
    routes: (router) => {
      router.service(ToolsDaemonService, {
        async *connect(frames) {
          served += 1;
          for await (const _ of frames) yield { frame: { case: "heartbeat", value: {} } };
        },
      });
    },
  });
  return { server, port: server.port, peers, served: () => served };
}

/** One call frame by frame: what the server answered, until its stream closed. */
export async function rawCall(port: number, headers: Record<string, string>, body: readonly Uint8Array[]) {
  const session = connect(`http://127.0.0.1:${port}`);
  const fields: IncomingHttpHeaders = {};
  try {
    const path = { ":method": "POST", ":path": PATH, "content-type": "application/grpc", te: "trailers", ...headers };
    const stream = session.request(path, { endStream: false });
    stream.on("response", (some) => Object.assign(fields, some));
    stream.on("trailers", (some) => Object.assign(fields, some));
    stream.on("error", () => undefined);
    stream.resume();
    for (const chunk of body) stream.write(chunk);
    stream.end();
    await new Promise((resolve) => stream.once("close", resolve));
    return fields;
  } finally {
    session.destroy();
  }
}
