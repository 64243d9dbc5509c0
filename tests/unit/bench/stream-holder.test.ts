import { expect, test } from "bun:test";
import { join } from "node:path";
import { runStreamHolder } from "../../../src/bench/stream-holder.ts";
import { tempFolder } from "../../support/temp-folder.ts";

/** The end of a stream in the Connect protocol: flag 2, two bytes, no error. */
const END_OF_STREAM = new Uint8Array([2, 0, 0, 0, 2, 0x7b, 0x7d]);

test("a stream that the server ends is not held to the end: the process says how many were lost, and why", async () => {
  await using folder = await tempFolder("holder");
  const tokensFile = join(folder.path, "tokens");
  await Bun.write(tokensFile, "a\nb\n");
  await using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(END_OF_STREAM, { headers: { "content-type": "application/connect+proto" } }),
  });
  const said = new Map<string, unknown>();
  const options = { url: `http://127.0.0.1:${server.port}`, tokensFile, opening: 2 };
  await runStreamHolder(options, (word, value) => said.set(word, value), AbortSignal.timeout(10_000));
  expect([...said.keys()]).toEqual(["held", "kept"]);
  const reason = expect.stringContaining("the server has ended it");
  expect(said.get("kept")).toEqual({ open: 0, lost: 2, reason });
});

test("streams that stand when the process is ended are counted as kept", async () => {
  await using folder = await tempFolder("holder");
  const tokensFile = join(folder.path, "tokens");
  await Bun.write(tokensFile, "a\nb\nc\n");
  const headers = { "content-type": "application/connect+proto" };
  await using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    // The first user's is ended, the others' stay open.
    fetch: (request) =>
      request.headers.get("authorization") === "Bearer a"
        ? new Response(END_OF_STREAM, { headers })
        : new Response(new ReadableStream({ start: (stream) => stream.enqueue(new Uint8Array([0, 0, 0, 0, 0])) }), {
            headers,
          }),
  });
  const ending = new AbortController();
  const said = new Map<string, unknown>();
  const say = (word: string, value: unknown) => {
    said.set(word, value);
    if (word === "held") ending.abort();
  };
  await runStreamHolder({ url: `http://127.0.0.1:${server.port}`, tokensFile, opening: 1 }, say, ending.signal);
  expect(said.get("kept")).toMatchObject({ open: 2, lost: 1 });
});
