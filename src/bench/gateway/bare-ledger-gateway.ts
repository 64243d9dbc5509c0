import { once } from "node:events";
import { createServer } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { BoundedQueue } from "../../core/bounded-queue.ts";
import { LIMITS } from "../../core/limits.ts";
import {
  type ConnectRequest,
  type ConnectResponse,
  ConnectResponseSchema,
  ToolsDaemonService,
} from "../../gen/reliant/v1/daemon_pb.ts";
import { LedgerClients } from "../raw-ledger-clients.ts";
import { openBareNats } from "../raw-nats-connection.ts";
import { BareCalls, type BareFrame } from "./bare-calls.ts";
import { BareLedgerCalls } from "./bare-ledger-calls.ts";
import { aborted } from "./gateway-part.ts";
import { BARE_LEDGER_GATEWAY } from "./ledger-options.ts";

/** Frames that wait for one daemon: more than the calls of these loads leave there. */
const QUEUED = 4096;

/**
 * The gateway of the bare chain: NATS, connect-node and Postgres by their libraries, and the recorded statements. No
 * tokens, no heartbeats, no bounds. Says its port, and runs until the signal aborts; throws what a statement throws.
 */
export async function runBareLedgerGateway(
  given: unknown,
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const { natsUrl, databaseUrl, statements } = BARE_LEDGER_GATEWAY.parse(given);
  const nats = await openBareNats(natsUrl);
  const ledger = new LedgerClients(databaseUrl, LIMITS.postgresConnections);
  const broken = Promise.withResolvers<never>();
  const byPlace = Object.groupBy(statements, ({ place }) => place);
  const calls = new BareLedgerCalls(new BareCalls(nats), ledger, byPlace, broken.reject);
  await nats.flush();
  const server = createServer(
    connectNodeAdapter({
      routes: (router) => {
        router.service(ToolsDaemonService, { connect: (frames) => bareStream(frames, calls) });
      },
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening", { signal });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a server that listens has no port");
  say("listening", { port: address.port });
  await Promise.race([aborted(signal), broken.promise]);
  server.close();
  await Promise.all([nats.close(), ledger.close()]);
}

async function* bareStream(
  frames: AsyncIterable<ConnectRequest>,
  calls: BareLedgerCalls,
): AsyncGenerator<ConnectResponse> {
  const out = new BoundedQueue<ConnectResponse>(QUEUED);
  const put = (frame: BareFrame) => void out.push(create(ConnectResponseSchema, { frame }));
  const read = async () => {
    let daemonId = "";
    for await (const message of frames) {
      if (message.frame.case === "hello") {
        daemonId = message.frame.value.daemonId;
        put({ case: "welcome", value: { daemonId, epoch: 1n } });
      }
      calls.take(daemonId, message, put);
    }
  };
  void read()
    .catch(() => undefined)
    .finally(() => out.close());
  yield* out;
}
