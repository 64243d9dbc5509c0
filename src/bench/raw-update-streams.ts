import { createServer } from "node:http";
import { create } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { KeepAliveSchema, StreamingService, StreamUserUpdatesResponseSchema } from "../gen/reliant/v1/update_pb.ts";

/**
 * What an API server's streams are measured against: a program of connect-node and nothing else, which greets each stream
 * and leaves it open. Says `bare` with its port, and runs until the signal aborts.
 */
export async function runBareUpdateStreams(
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const ended = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => ended.resolve(), { once: true });
  const alive = create(StreamUserUpdatesResponseSchema, {
    update: { case: "keepAlive", value: create(KeepAliveSchema) },
  });
  const server = createServer(
    connectNodeAdapter({
      routes: (router) => {
        router.service(StreamingService, {
          async *streamUserUpdates() {
            yield alive;
            await ended.promise;
          },
        });
      },
    }),
  );
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(0, "127.0.0.1", () => listening.resolve());
  await listening.promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a server that listens has no port");
  say("bare", { port: address.port });
  await ended.promise;
  server.closeAllConnections();
  server.close();
}
