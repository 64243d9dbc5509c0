import { once } from "node:events";
import { createServer } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { BoundedQueue } from "../../core/bounded-queue.ts";
import {
  type ConnectRequest,
  type ConnectResponse,
  ConnectResponseSchema,
  ToolsDaemonService,
} from "../../gen/reliant/v1/daemon_pb.ts";
import type { BareFrame } from "./bare-calls.ts";

/** Frames that wait for one daemon: more than any of these loads leaves there. */
const QUEUED = 4096;

/** What is done with one daemon's stream. */
export interface BareStream {
  take(message: ConnectRequest): void;
  /** The stream has ended. */
  ended(): void;
}

/** Daemons' streams by connect-node and nothing else; `open` is given what sends a frame. Answers its port. */
export async function openBareServer(
  open: (put: (frame: BareFrame) => void) => BareStream,
  signal: AbortSignal,
): Promise<{ readonly port: number; close(): void }> {
  const server = createServer(
    connectNodeAdapter({
      routes: (router) => {
        router.service(ToolsDaemonService, { connect: (frames) => responses(frames, open) });
      },
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening", { signal });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a server that listens has no port");
  return { port: address.port, close: () => void server.close() };
}

async function* responses(
  frames: AsyncIterable<ConnectRequest>,
  open: (put: (frame: BareFrame) => void) => BareStream,
): AsyncGenerator<ConnectResponse> {
  const out = new BoundedQueue<ConnectResponse>(QUEUED);
  const stream = open((frame) => void out.push(create(ConnectResponseSchema, { frame })));
  const read = async () => {
    for await (const message of frames) stream.take(message);
  };
  void read()
    .catch(() => undefined)
    .finally(() => out.close());
  try {
    yield* out;
  } finally {
    stream.ended();
  }
}
