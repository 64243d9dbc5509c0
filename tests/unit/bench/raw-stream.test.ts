import { expect, test } from "bun:test";
import { once } from "node:events";
import { createServer } from "node:http2";
import { dataFrame, openingBytes } from "../../../src/bench/gateway/raw-http2.ts";
import { RawStream } from "../../../src/bench/gateway/raw-stream.ts";
import { eventually } from "../../support/eventually.ts";

/** Their heads alone are more than the windows of a connection. */
const FRAMES = 20_000;
const MESSAGE = Buffer.from("x");

test("a stream that is framed by hand goes on for as many frames as its peer takes", async () => {
  let taken = 0;
  let open = false;
  const server = createServer().on("stream", (stream) => {
    open = true;
    stream.on("data", (chunk: Uint8Array) => {
      taken += chunk.length;
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  const fields = { ":method": "POST", ":scheme": "http", ":path": "/", ":authority": "127.0.0.1" };
  const opening = openingBytes(fields);
  const ends: string[] = [];
  const events = { message: () => undefined, ended: (reason: string) => void ends.push(reason) };
  const stream = RawStream.open({ host: "127.0.0.1", port: address.port }, opening, events);
  await eventually("the stream to be open", () => open);
  const frame = dataFrame(MESSAGE);
  const payloadBytes = frame.length - 9;
  for (let sent = 0; sent < FRAMES; sent++) stream.send(frame);
  await eventually("all of it to be taken", () => taken === FRAMES * payloadBytes);
  expect(ends).toEqual([]);
  stream.close();
  server.close();
});
