import { connect, createServer, type Socket } from "node:net";
import { ReadyReader } from "./ready-reader.ts";
import { type ExecutedStatement, StatementReader } from "./statement-reader.ts";
import { UseWatch } from "./use-watch.ts";

/** How hard a database was used, by way of a tap. */
export interface DatabaseUse {
  /** Connections that had something under way at the same moment, an open transaction included; and that were open. */
  readonly mostBusy: number;
  readonly mostOpen: number;
  /** The longest that something sent took until its answer, milliseconds. */
  readonly longestMs: number;
}

/** A proxy before Postgres that counts the statements which go through it. */
export interface PostgresTap extends AsyncDisposable {
  /** Of the database, by way of the tap. */
  readonly url: string;
  readonly port: number;
  /** How often each statement was executed since the last time, by its text. */
  take(): ReadonlyMap<string, number>;
  /** How hard the database was used since the last time. */
  takeUse(): DatabaseUse;
}

/** Opens the tap on a free port of this machine. `onExecuted`: told of each statement as it is sent. */
export async function openPostgresTap(
  databaseUrl: string,
  onExecuted: (statement: ExecutedStatement) => void = () => undefined,
): Promise<PostgresTap> {
  const target = new URL(databaseUrl);
  const counts = new Map<string, number>();
  const sockets = new Set<Socket>();
  const use = new UseWatch(() => performance.now());
  const server = createServer((client) => {
    const reader = new StatementReader();
    const answers = new ReadyReader();
    const session = use.opened();
    const upstream = connect({ host: target.hostname, port: Number(target.port || 5432), noDelay: true });
    client.setNoDelay(true);
    client.once("close", () => session.closed());
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
      for (const statement of reader.take(bytes)) {
        counts.set(statement.text, (counts.get(statement.text) ?? 0) + 1);
        onExecuted(statement);
      }
      session.asked(reader.asked);
    });
    upstream.on("data", (bytes: Buffer) => {
      for (const readiness of answers.take(bytes)) session.answered(readiness);
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
    takeUse: () => use.take(),
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
