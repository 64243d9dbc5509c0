import { expect, test } from "bun:test";
import { join } from "node:path";
import { runStreamHolder } from "../../../src/bench/stream-holder.ts";
import { tempFolder } from "../../support/temp-folder.ts";

/** The end of a stream in the Connect protocol: flag 2, two bytes, no error. */
const END_OF_STREAM = new Uint8Array([2, 0, 0, 0, 2, 0x7b, 0x7d]);

test("a stream that the server ends is not held: the process says so and fails", async () => {
  await using folder = await tempFolder("holder");
  const tokensFile = join(folder.path, "tokens");
  await Bun.write(tokensFile, "a\nb\n");
  await using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(END_OF_STREAM, { headers: { "content-type": "application/connect+proto" } }),
  });
  const said: string[] = [];
  const options = { url: `http://127.0.0.1:${server.port}`, tokensFile, opening: 2 };
  const holding = runStreamHolder(options, (word) => said.push(word), AbortSignal.timeout(10_000));
  await expect(holding).rejects.toThrow("the server has ended it");
  expect(said).toEqual(["held"]);
});
