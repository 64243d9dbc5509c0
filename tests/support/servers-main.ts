/** `npm run servers`: Postgres, NATS and Temporal on their usual ports of 127.0.0.1, until Ctrl-C. What they store is removed with them. */
import { createServer } from "node:net";
import { startNats } from "./nats-server.ts";
import { startPostgres } from "./postgres-server.ts";
import { startTemporal } from "./temporal-server.ts";

interface Running {
  /** What to give to `reliant`. */
  readonly says: string;
  stop(): Promise<void>;
}

interface Kind {
  readonly name: string;
  readonly port: number;
  start(port: number): Promise<Running>;
}

const KINDS: readonly Kind[] = [
  {
    name: "Postgres",
    port: 5432,
    start: async (port) => {
      const server = await startPostgres({ port, durable: true });
      return { says: `DATABASE_URL=${server.url}`, stop: server.stop };
    },
  },
  {
    name: "NATS",
    port: 4222,
    start: async (port) => {
      const server = await startNats({ port });
      return { says: `NATS_URL=${server.url}`, stop: server.stop };
    },
  },
  {
    name: "Temporal",
    port: 7233,
    start: async (port) => {
      const server = await startTemporal({ port });
      return { says: `TEMPORAL_HOST=${server.host}, namespace ${server.namespace}`, stop: server.stop };
    },
  },
];

async function main(): Promise<number> {
  const ending = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => ending.resolve());
  const taken = (await Promise.all(KINDS.map(fault))).filter((text) => text !== undefined);
  if (taken.length > 0) {
    process.stderr.write(`${taken.join("\n")}\nStop what holds it, or use that server in place of ours.\n`);
    return 1;
  }
  const started = await Promise.allSettled(KINDS.map(start));
  const running = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const faults = started.flatMap((each) => (each.status === "rejected" ? [String(each.reason)] : []));
  for (const text of faults) process.stderr.write(`${text}\n`);
  if (faults.length === 0) {
    process.stdout.write("All three are up. Ctrl-C ends them, and removes what they have stored.\n");
    await ending.promise;
  }
  await Promise.allSettled(running.map((server) => server.stop()));
  return faults.length === 0 ? 0 : 1;
}

async function start(kind: Kind): Promise<Running> {
  const server = await kind.start(kind.port);
  process.stdout.write(`${kind.name.padEnd(9)} port ${kind.port}   ${server.says}\n`);
  return server;
}

/** Why the kind cannot have its port; undefined where it can. */
function fault(kind: Kind): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(`start ${kind.name}: port ${kind.port} of 127.0.0.1: ${error.message}`));
    server.listen(kind.port, "127.0.0.1", () => server.close(() => resolve(undefined)));
  });
}

process.exit(await main());
