import { createServer } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { BoundedQueue } from "../../core/bounded-queue.ts";
import type { Clock } from "../../core/clock.ts";
import {
  type ConnectRequest,
  type ConnectResponse,
  ConnectResponseSchema,
  ToolsDaemonService,
} from "../../gen/reliant/v1/daemon_pb.ts";
import type { BenchDrivers } from "../bench-part.ts";
import { BareCalls, type BareFrame } from "./bare-calls.ts";
import { aborted } from "./gateway-part.ts";
import { BARE_OPTIONS } from "./part-options.ts";

/** Frames that wait for one daemon: more than any of these loads leaves there. */
const QUEUED = 4096;

/**
 * What the gateway is measured against: a program of connect-node and nothing else, which welcomes each stream, beats as
 * the gateway does and passes calls on; and an echo over NATS. Says its port, and runs until the signal aborts.
 */
export async function runBarePart(
  given: unknown,
  { clock, drivers }: { readonly clock: Clock; readonly drivers: BenchDrivers },
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const options = BARE_OPTIONS.parse(given);
  await using closing = new AsyncDisposableStack();
  const link = await drivers.openNats(options.natsUrl, signal);
  closing.defer(() => link.close());
  link.connection.subscribe(options.subject, { callback: (_, message) => void message.respond(message.data) });
  const calls = new BareCalls(link.connection);
  await link.flush();
  const server = createServer(
    connectNodeAdapter({
      routes: (router) => {
        router.service(ToolsDaemonService, {
          connect: (frames) => bareStream(frames, calls, options.heartbeatMs, clock),
        });
      },
    }),
  );
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", () => listening.resolve());
  await listening.promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a server that listens has no port");
  say("listening", { port: address.port });
  await aborted(signal);
  server.close();
}

async function* bareStream(
  frames: AsyncIterable<ConnectRequest>,
  calls: BareCalls,
  heartbeatMs: number,
  clock: Clock,
): AsyncGenerator<ConnectResponse> {
  const out = new BoundedQueue<ConnectResponse>(QUEUED);
  const put = (frame: BareFrame) => void out.push(create(ConnectResponseSchema, { frame }));
  put({ case: "welcome", value: { epoch: 1n } });
  let sequence = 0n;
  let stopTimer: () => void = () => undefined;
  const beat = () => {
    stopTimer = clock.after(heartbeatMs, () => {
      sequence += 1n;
      put({ case: "heartbeat", value: { sequence } });
      beat();
    });
  };
  beat();
  const read = async () => {
    for await (const message of frames) {
      calls.take(message, put);
      // A command's result is sent back as a heartbeat: the ping-pong of the raw parts.
      if (message.frame.case === "commandResult") put({ case: "heartbeat", value: { sequence: 1n } });
    }
  };
  void read()
    .catch(() => undefined)
    .finally(() => out.close());
  try {
    yield* out;
  } finally {
    stopTimer();
  }
}
