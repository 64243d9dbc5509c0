import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createServer } from "node:tls";
import type { TlsMaterial } from "../../src/rpc/tls-material.ts";

export interface TlsFront extends AsyncDisposable {
  readonly port: number;
  /** Connections whose client showed the certificate that is asked for. */
  readonly admitted: number;
}

/**
 * Speaks TLS (HTTP/2) with clients that show a certificate signed by `clientCa`, and hands their bytes to a server without
 * TLS: what stands before a self-hosted Temporal, and what Temporal Cloud does.
 */
export async function startTlsFront(
  material: TlsMaterial & { readonly clientCa: string },
  target: { readonly host: string; readonly port: number },
): Promise<TlsFront> {
  const open = new Set<Socket>();
  let admitted = 0;
  const server = createServer(
    {
      ...{ cert: material.cert, key: material.key, ALPNProtocols: ["h2"] },
      ...{ ca: material.clientCa, requestCert: true, rejectUnauthorized: true },
    },
    (client) => {
      admitted++;
      const inner = connect(target);
      for (const [one, other] of [
        [client, inner],
        [inner, client],
      ] as const) {
        open.add(one);
        one.on("error", () => other.destroy());
        one.once("close", () => {
          open.delete(one);
          other.destroy();
        });
      }
      client.pipe(inner).pipe(client);
    },
  );
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a server that listens has a port");
  return {
    port: address.port,
    get admitted() {
      return admitted;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
