/** A model provider of this process: OpenAI's chat completions, one word an answer. */
export interface StampingProvider extends AsyncDisposable {
  readonly url: string;
  /** From its first byte until a bare client had it, without anything of ours between; milliseconds. */
  bareFirstByteMs(): Promise<number>;
}

/** What stands in the text: when its first byte was written, by this process's monotonic clock in milliseconds. */
const STAMP = /\[first byte at (\d+(?:\.\d+)?)\]/;

/** Milliseconds since the first byte whose stamp the text holds; undefined: it holds none. */
export function sinceStampMs(text: string): number | undefined {
  const stamp = STAMP.exec(text)?.[1];
  return stamp === undefined ? undefined : performance.now() - Number(stamp);
}

/** Listens on a free port. Its text is the moment at which it began to write, so that whoever reads it in this process knows how long it took. */
export function startStampingProvider(): StampingProvider {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 60,
    fetch: () => new Response(answer(), { headers: { "content-type": "text/event-stream" } }),
  });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    bareFirstByteMs: async () => {
      const response = await fetch(`${url}/v1/chat/completions`, { method: "POST", body: "{}" });
      const decoder = new TextDecoder();
      let text = "";
      let tookMs = 0;
      for await (const bytes of response.body ?? []) {
        text += decoder.decode(bytes, { stream: true });
        const sinceMs = sinceStampMs(text);
        if (tookMs === 0 && sinceMs !== undefined) tookMs = sinceMs;
      }
      return tookMs;
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

async function* answer(): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  const event = (data: unknown) => encoder.encode(`data: ${JSON.stringify(data)}\n\n`);
  const chunk = (delta: unknown, reason: string | null) => ({
    ...{ id: "bench", object: "chat.completion.chunk", created: 0, model: "bench" },
    choices: [{ index: 0, delta, finish_reason: reason }],
  });
  yield event(chunk({ role: "assistant", content: `[first byte at ${performance.now()}]` }, null));
  yield event({ ...chunk({}, "stop"), usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } });
  yield encoder.encode("data: [DONE]\n\n");
}
