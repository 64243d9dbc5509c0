const KEY_HEADERS = ["authorization", "x-api-key", "x-goog-api-key"];

/**
 * A `fetch` for a provider's SDK that tells of each piece of the answer, comments and keep-alives included. It follows
 * no redirect, which could carry the key to another host. `sendKey` false leaves the key's headers out, for a proxy
 * that adds its own.
 */
export function watchedFetch(options: { readonly sendKey: boolean; onBytes(): void }): typeof fetch {
  const watched = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const headers = new Headers(init?.headers);
    if (!options.sendKey) for (const name of KEY_HEADERS) headers.delete(name);
    const response = await fetch(input, { ...init, headers, redirect: "manual" });
    options.onBytes();
    if (response.body === null) return response;
    const body = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller) {
          options.onBytes();
          controller.enqueue(piece);
        },
      }),
    );
    return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers });
  };
  return Object.assign(watched, { preconnect: fetch.preconnect });
}
