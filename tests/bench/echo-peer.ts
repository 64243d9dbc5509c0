/**
 * The other end of the raw parts, a process of its own: answers each frame of a bare gRPC stream, and each request on a
 * subject of NATS, with what came. `bun tests/bench/echo-peer.ts <nats url> <subject>`; prints `listening <port>`.
 */
import { createServer } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { connect } from "nats";
import { ConnectResponseSchema, ToolsDaemonService } from "../../src/gen/reliant/v1/daemon_pb.ts";

const [natsUrl = "", subject = ""] = process.argv.slice(2);
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
  process.stdout.write(`listening ${typeof address === "object" ? address?.port : address}\n`);
});
