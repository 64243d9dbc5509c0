import { connect, createServer, type Socket } from "node:net";

/** Passes each new connection to the next target, as a TCP load balancer without affinity does. */
export interface TcpBalancer extends AsyncDisposable {
  readonly port: number;
  /** Cuts every connection that stands now. */
  cutAll(): void;
  stop(): Promise<void>;
}

/** Targets are ports of 127.0.0.1. A target that refuses is passed over once; where none takes the connection, it is closed. */
export async function startTcpBalancer(targets: readonly number[]): Promise<TcpBalancer> {
  const sockets = new Set<Socket>();
  let next = 0;
  const server = createServer({ noDelay: true }, (client) => {
    track(sockets, client);
    forward(client, targets.length);
  });
  const forward = (client: Socket, tries: number) => {
    const target = targets[next % targets.length];
    next++;
    if (target === undefined || tries === 0) {
      client.destroy();
      return;
    }
    const upstream = connect({ host: "127.0.0.1", port: target, noDelay: true });
    track(sockets, upstream);
    const refused = () => forward(client, tries - 1);
    upstream.once("error", refused);
    upstream.once("connect", () => {
      upstream.off("error", refused);
      upstream.on("error", () => client.destroy());
      client.on("error", () => upstream.destroy());
      client.on("close", () => upstream.destroy());
      upstream.on("close", () => client.destroy());
      client.pipe(upstream);
      upstream.pipe(client);
    });
  };
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("start TCP balancer: no port");
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  const stop = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    cutAll();
    await closed;
  };
  return { port: address.port, cutAll, stop, [Symbol.asyncDispose]: stop };
}

function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
  socket.on("error", () => undefined);
}
