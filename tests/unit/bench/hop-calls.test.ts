import { expect, test } from "bun:test";
import { HopCalls } from "../../../src/bench/gateway/hop-calls.ts";
import { CALLER_OPTIONS } from "../../../src/bench/gateway/part-options.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { createMessageCheck } from "../../../src/routing/message-check.ts";
import { decodeToolRequest } from "../../../src/routing/tool-message.ts";
import { eventually } from "../../support/eventually.ts";

interface Asked {
  readonly subject: string;
  readonly replyTo: string;
  readonly body: string;
}

/** A server that knows one client: keeps what it asks, and answers as it is told. */
function natsServer() {
  const asked: Asked[] = [];
  let client: { write(text: string): unknown; end(): unknown } | undefined;
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        client = socket;
        socket.write("INFO {}\r\n");
      },
      data(socket, chunk) {
        const text = chunk.toString();
        if (text.includes("PING\r\n")) socket.write("PONG\r\n");
        for (const [, subject = "", replyTo = "", body = ""] of text.matchAll(/PUB (\S+) (\S+) \d+\r\n(.*)\r\n/g)) {
          asked.push({ subject, replyTo, body });
        }
      },
    },
  });
  return {
    url: `nats://127.0.0.1:${server.port}`,
    asked,
    answer: (to: Asked | undefined, status: string) => {
      const body = JSON.stringify({ toolCallId: "call_1", status });
      client?.write(`MSG ${to?.replyTo} 1 ${body.length}\r\n${body}\r\n`);
    },
    nobodyListens: (to: Asked | undefined) => client?.write(`HMSG ${to?.replyTo} 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n`),
    leave: () => client?.end(),
    [Symbol.dispose]: () => server.stop(true),
  };
}

function optionsFor(natsUrl: string) {
  const times = { warmUpMs: 0, driveMs: 0, perSecond: 0 };
  return CALLER_OPTIONS.parse({ natsUrl, kind: "hop", daemons: 2, callers: 1, requestBytes: 10, ...times });
}

/** Three calls, as a server sees them that has not answered yet. */
async function threeCalls(server: ReturnType<typeof natsServer>) {
  const wait = { clock: systemClock, signal: AbortSignal.timeout(30_000) };
  const calls = await HopCalls.toDaemons(optionsFor(server.url), wait);
  const ended: string[] = [];
  const all = [1, 2, 3].map((index) =>
    calls.call(index).then(
      () => ended.push(`${index} done`),
      (error) => ended.push(`${index} ${error.message}`),
    ),
  );
  await eventually("the requests", () => server.asked.length === 3);
  return { ended, all: Promise.all(all), close: () => calls.close() };
}

test("a call is a whole request to its daemon, with an id and a subject of its own", async () => {
  using server = natsServer();
  const { close } = await threeCalls(server);
  const requests = server.asked.map(({ subject, body }) => {
    const [userId = "", daemonId = "", epoch] = subject.replace("tools.request.sync.", "").split(".");
    return decodeToolRequest(body, { userId, daemonId, epoch: Number(epoch) }, createMessageCheck()).request;
  });
  expect(requests.map(({ daemonId }) => daemonId)).toEqual(["dmn_bench_1", "dmn_bench_0", "dmn_bench_1"]);
  expect(new Set(requests.map(({ toolCallId }) => toolCallId)).size).toBe(3);
  expect(new Set(server.asked.map(({ replyTo }) => replyTo)).size).toBe(3);
  close();
});

test("an acceptance ends no call, the ring does; what is refused or has no gateway has failed", async () => {
  using server = natsServer();
  const { ended, all, close } = await threeCalls(server);
  const [first, second, third] = server.asked;
  server.answer(first, "STATUS_ACCEPTED");
  server.answer(second, "STATUS_BUSY");
  server.nobodyListens(third);
  await eventually("two ends", () => ended.length === 2);
  expect(ended).toEqual([expect.stringContaining("2 the call was answered"), expect.stringContaining("503")]);
  server.answer(first, "STATUS_DONE");
  await all;
  expect(ended.at(-1)).toBe("1 done");
  close();
});

test("calls whose connection ends have failed", async () => {
  using server = natsServer();
  const { ended, all } = await threeCalls(server);
  server.leave();
  await all;
  expect(ended).toHaveLength(3);
  expect(ended[0]).toContain("the connection to NATS has ended");
});

test("a server that is not there, or says nothing, is an error", async () => {
  const wait = { clock: systemClock, signal: AbortSignal.timeout(30_000) };
  await expect(HopCalls.toDaemons(optionsFor("nats://127.0.0.1:1"), wait)).rejects.toThrow();
  using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const leaving = new AbortController();
  const connecting = HopCalls.toDaemons(optionsFor(`nats://127.0.0.1:${silent.port}`), {
    ...wait,
    signal: leaving.signal,
  });
  leaving.abort(new Error("nobody waits any more"));
  await expect(connecting).rejects.toThrow("nobody waits any more");
});
