import { createServer } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { connect } from "nats";
import { z } from "zod";
import { ConnectResponseSchema, ToolsDaemonService } from "../gen/reliant/v1/daemon_pb.ts";

const OPTIONS = z.object({ natsUrl: z.string(), subject: z.string() });

/**
 * The other end of the raw parts, a process of its own: answers each frame of a bare gRPC stream, and each request on a
 * subject of NATS, with what came. Says `echo {"port": …}`.
 */
export async function runEchoPeer(
  options: unknown,
  say: (word: string, value: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const { natsUrl, subject } = OPTIONS.parse(options);
  const nats = await connect({ servers: natsUrl });
  nats.subscribe(subject, { callback: (_, message) => void message.respond(message.data) });
  await nats.flush();
  const server = createServer(
    connectNodeAdapter({
      routes: (router) => {
        router.service(ToolsDaemonService, {
          async *connect(frames) {
            for await (const { frame } of frames) {
              if (frame.case === "heartbeat") yield create(ConnectResponseSchema, { frame });
            }
          },
        });
      },
    }),
  );
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    say("echo", { port: typeof address === "object" ? address?.port : address });
  });
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  server.close();
  await nats.close();
}
