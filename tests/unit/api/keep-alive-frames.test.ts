import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { KeepAliveFrames } from "../../../src/api/keep-alive-frames.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { StreamingService } from "../../../src/gen/reliant/v1/update_pb.ts";
import { openRpcServer, type RpcServer } from "../../../src/rpc/rpc-server.ts";
import { BOUNDS } from "../../support/bounds.ts";

setDefaultTimeout(BOUNDS.readyMs * 2);

let server: RpcServer | undefined;
afterEach(async () => {
  await server?.close(0);
  server = undefined;
});

/** A server with one stream, which yields the numbers that it is given. */
async function start() {
  const numbers: PromiseWithResolvers<bigint | undefined>[] = [Promise.withResolvers()];
  const frames = new KeepAliveFrames();
  const opened = Promise.withResolvers<() => void>();
  server = await openRpcServer({
    ...{ name: "test", port: 0, bindAddress: "127.0.0.1", clock: systemClock },
    routes: (router) => {
      router.service(StreamingService, {
        async *streamUserUpdates(_request, context) {
          opened.resolve(frames.beatOf(context));
          for (const next of numbers) {
            const sequence = await next.promise;
            if (sequence === undefined) return;
            yield { update: { case: "user", value: { sequence } } };
          }
        },
      });
    },
  });
  return {
    port: server.port,
    beat: opened.promise,
    say: (sequence: bigint | undefined) => {
      numbers.push(Promise.withResolvers());
      numbers.at(-2)?.resolve(sequence);
    },
  };
}

const CLIENTS: readonly (readonly [string, (baseUrl: string) => Transport])[] = [false, true].flatMap((json) => {
  const form = { useBinaryFormat: !json };
  const words = json ? "in JSON" : "in binary";
  return [
    [`gRPC ${words}`, (baseUrl: string) => createGrpcTransport({ baseUrl, ...form })],
    [
      `gRPC-Web over HTTP/1.1 ${words}`,
      (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1", ...form }),
    ],
    [
      `Connect over HTTP/1.1 ${words}`,
      (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1", ...form }),
    ],
    [
      `Connect over HTTP/2 ${words}`,
      (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "2", ...form }),
    ],
  ] as const;
});

describe("a sign of life beside the messages of a stream", () => {
  for (const [name, transport] of CLIENTS) {
    test(`is a message like others for ${name}, and none before the first and behind the last`, async () => {
      const { port, beat, say } = await start();
      const got: string[] = [];
      const stream = createClient(StreamingService, transport(`http://127.0.0.1:${port}`)).streamUserUpdates({});
      const updates = stream[Symbol.asyncIterator]();
      const read = async () => {
        const { value, done } = await updates.next();
        const update = value?.update;
        got.push(done === true ? "end" : update?.case === "user" ? `user ${update.value.sequence}` : `${update?.case}`);
      };
      const first = read();
      const send = await beat;
      send();
      say(1n);
      await first;
      send();
      await read();
      say(2n);
      await read();
      send();
      await read();
      say(undefined);
      await read();
      send();
      expect(got).toEqual(["user 1", "keepAlive", "user 2", "keepAlive", "end"]);
    });
  }
});
