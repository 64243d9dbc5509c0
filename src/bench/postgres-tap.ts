import { connect, createServer, type Socket } from "node:net";
import { StatementReader } from "./statement-reader.ts";

/** A proxy before Postgres that counts the statements which go through it. */
export interface PostgresTap extends AsyncDisposable {
  /** Of the database, by way of the tap. */
  readonly url: string;
  readonly port: number;
  /** How often each statement was executed since the last time, by its text. */
  take(): ReadonlyMap<string, number>;
}

/** Opens the tap on a free port of this machine. */
export async function openPostgresTap(databaseUrl: string): Promise<PostgresTap> {
  const target = new URL(databaseUrl);
  const counts = new Map<string, number>();
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const reader = new StatementReader();
    const upstream = connect({ host: target.hostname, port: Number(target.port || 5432), noDelay: true });
    client.setNoDelay(true);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.once("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      // Its close follows.
      socket.on("error", () => undefined);
      socket.pipe(other);
    }
    client.on("data", (bytes: Buffer) => {
      for (const statement of reader.take(bytes)) counts.set(statement, (counts.get(statement) ?? 0) + 1);
    });
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address !== null && typeof address === "object") resolve(address.port);
    });
  });
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  return {
    url: url.href,
    port,
    take: () => {
      const taken = new Map(counts);
      counts.clear();
      return taken;
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
