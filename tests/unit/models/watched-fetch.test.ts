import { describe, expect, test } from "bun:test";
import { LIMITS } from "../../../src/core/limits.ts";
import { watchedFetch } from "../../../src/models/watched-fetch.ts";

const PIECE = new Uint8Array(64 * 1024).fill(120);

/** A server whose answer has no end; `sent` counts its pieces. */
function endless(status: number, begin = "") {
  const counted = { sent: 0 };
  const server = Bun.serve({
    port: 0,
    fetch: () => {
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode(begin)),
        async pull(controller) {
          counted.sent++;
          controller.enqueue(PIECE);
          await Bun.sleep(0);
        },
      });
      return new Response(body, { status });
    },
  });
  return { counted, url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) };
}

function fetcher(onFlood = () => {}) {
  return watchedFetch({ sendKey: true, onBytes: () => {}, onFlood });
}

describe("what a provider sends without end", () => {
  test("is cut where it is an error: its beginning says what is wrong", async () => {
    await using server = endless(500, "<h1>Internal error</h1>");
    const text = await (await fetcher()(server.url)).text();
    expect(text).toStartWith("<h1>Internal error</h1>x");
    expect(text).toHaveLength(LIMITS.modelErrorBytes);
  });

  test("ends an answer that is one event without end, and tells so", async () => {
    await using server = endless(200, "data: ");
    let floods = 0;
    const response = await fetcher(() => floods++)(server.url);
    await expect(response.text()).rejects.toThrow(/line/);
    expect(floods).toBe(1);
    expect(server.counted.sent).toBeLessThan((2 * LIMITS.modelEventBytes) / PIECE.length);
  });

  test("does not end a long answer of many events", async () => {
    const event = `data: ${"x".repeat(1024 * 1024)}\n\n`;
    const events = Math.ceil(LIMITS.modelEventBytes / event.length) + 2;
    await using server = Bun.serve({ port: 0, fetch: () => new Response(event.repeat(events)) });
    const text = await (await fetcher()(`http://127.0.0.1:${server.port}`)).text();
    expect(text).toHaveLength(event.length * events);
  });

  test("leaves a short error as it is", async () => {
    const body = JSON.stringify({ error: { message: "no" } });
    await using server = Bun.serve({ port: 0, fetch: () => new Response(body, { status: 400 }) });
    expect(await (await fetcher()(`http://127.0.0.1:${server.port}`)).text()).toBe(body);
  });
});
