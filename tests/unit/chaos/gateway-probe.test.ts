import { describe, expect, test } from "bun:test";
import { createServer } from "node:http2";
import { checkGateway } from "../../../src/chaos/gateway-probe.ts";

const signal = new AbortController().signal;

async function probe(status: number): Promise<void> {
  await using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("", { status }) });
  await checkGateway(`http://127.0.0.1:${server.port}/`, true, signal);
}

describe("the address of a gateway", () => {
  test("is good where its service is known, whatever it says to an empty request", async () => {
    await probe(505);
    await probe(415);
  });

  test("is good where only HTTP/2 is spoken", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    try {
      const port = typeof address === "object" && address !== null ? address.port : 0;
      await checkGateway(`http://127.0.0.1:${port}`, true, signal);
    } finally {
      server.close();
    }
  });

  test("is refused where somebody else answers, by its own name and with the reason", async () => {
    await expect(probe(404)).rejects.toMatchObject({
      code: "failed_precondition",
      message: expect.stringMatching(/^reach the gateway http:\/\/127\.0\.0\.1:\d+\/: no gateway answers there$/),
      hint: expect.stringContaining("a monolith has no gateway"),
    });
  });

  test("is refused where nobody answers", async () => {
    const free = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
    const url = `http://127.0.0.1:${free.port}`;
    await free.stop(true);
    await expect(checkGateway(url, true, signal)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(`reach the gateway ${url}: `),
      hint: expect.stringContaining("a monolith has no gateway"),
    });
  });
});
