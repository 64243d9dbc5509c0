import { LIMITS } from "../core/limits.ts";

const KEY_HEADERS = ["authorization", "x-api-key", "x-goog-api-key"];

/**
 * A `fetch` for a provider's SDK that tells of each piece of the answer, comments and keep-alives included. It follows
 * no redirect, which could carry the key to another host. `sendKey` false leaves the key's headers out, for a proxy
 * that adds its own. Of an error no more than `LIMITS.modelErrorBytes` are read; an answer with a line longer than
 * `LIMITS.modelEventBytes` fails, and `onFlood` is called before.
 */
export function watchedFetch(options: { readonly sendKey: boolean; onBytes(): void; onFlood(): void }): typeof fetch {
  const watched = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const headers = new Headers(init?.headers);
    if (!options.sendKey) for (const name of KEY_HEADERS) headers.delete(name);
    const response = await fetch(input, { ...init, headers, redirect: "manual" });
    options.onBytes();
    if (response.body === null) return response;
    const body = response.body.pipeThrough(response.ok ? withShortLines(options) : beginning(options));
    return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers });
  };
  return Object.assign(watched, { preconnect: fetch.preconnect });
}

const LINE_END = 10;

function withShortLines(options: { onBytes(): void; onFlood(): void }): TransformStream<Uint8Array, Uint8Array> {
  let lineBytes = 0;
  return new TransformStream({
    transform(piece, controller) {
      options.onBytes();
      const end = piece.lastIndexOf(LINE_END);
      lineBytes = end < 0 ? lineBytes + piece.length : piece.length - end - 1;
      if (lineBytes <= LIMITS.modelEventBytes) return controller.enqueue(piece);
      options.onFlood();
      controller.error(new Error(`a line of the answer is longer than ${LIMITS.modelEventBytes} bytes`));
    },
  });
}

function beginning(options: { onBytes(): void }): TransformStream<Uint8Array, Uint8Array> {
  let leftBytes: number = LIMITS.modelErrorBytes;
  return new TransformStream({
    transform(piece, controller) {
      options.onBytes();
      controller.enqueue(piece.subarray(0, leftBytes));
      leftBytes -= piece.length;
      if (leftBytes <= 0) controller.terminate();
    },
  });
}
