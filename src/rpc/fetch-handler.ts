import { once } from "node:events";
import { messageOf } from "../core/errors.ts";
import { logger } from "../core/logger.ts";
import { answerText, type NodeHandler, type NodeRequest, type NodeResponse, urlOf } from "./node-request.ts";

export type Fetch = (request: Request) => Response | Promise<Response>;

/** Serves Node's requests by a function of `Request` and `Response`, over HTTP/1.1 and HTTP/2. */
export function fetchHandler(fetch: Fetch): NodeHandler {
  return (request, response) => {
    serve(fetch, request, response).catch((error: unknown) => {
      // The client is gone, or the route's own error handling failed: the connection says so by ending.
      logger("rpc").debug("a response broke off", { reason: messageOf(error) });
      response.destroy();
    });
  };
}

async function serve(fetch: Fetch, request: NodeRequest, response: NodeResponse): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort(new DOMException("the client is gone", "AbortError")));
  const url = urlOf(request);
  if (url === undefined) return answerText(response, 400, "bad address\n");
  const answer = await fetch(webRequest(request, url, gone.signal));
  if (gone.signal.aborted) return void (await answer.body?.cancel());
  response.statusCode = answer.status;
  for (const [name, value] of answer.headers) {
    if (!CONNECTION_FIELDS.has(name))
      response.setHeader(name, name === "set-cookie" ? answer.headers.getSetCookie() : value);
  }
  if (answer.body === null || request.method === "HEAD") {
    response.end();
    return;
  }
  await send(answer.body, response, gone.signal);
}

/** Fields that HTTP/2 forbids, and that Node sets itself in HTTP/1.1. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade"]);

function webRequest(request: NodeRequest, url: URL, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const each of Array.isArray(value) ? value : [value]) headers.append(name, each);
  }
  const method = request.method ?? "GET";
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(url.href, { method, headers, signal, ...(hasBody ? { body: bodyOf(request) } : {}) });
}

function bodyOf(request: NodeRequest): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = request[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await chunks.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Sends chunk by chunk, each only when the client has taken the ones before. */
async function send(body: ReadableStream<Uint8Array>, response: NodeResponse, signal: AbortSignal): Promise<void> {
  const reader = body.getReader();
  const cancel = () => void reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) break;
      if (!write(response, value)) await once(response, "drain", { signal });
    }
    response.end();
  } catch (error) {
    await reader.cancel(error).catch(() => undefined);
    throw error;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** Both kinds of response write the same way, but their types cannot be called as one. */
function write(response: NodeResponse, chunk: Uint8Array): boolean {
  return "stream" in response ? response.stream.write(chunk) : response.write(chunk);
}
