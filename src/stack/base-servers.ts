import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { allOf } from "./all-of.ts";
import { type NatsStackServer, startNats } from "./nats-server.ts";
import { createDatabase, startPostgres } from "./postgres-server.ts";
import { letEveryoneEnter, postgresUser } from "./postgres-user.ts";
import type { ServerPrograms } from "./server-programs.ts";
import type { StackServer } from "./stack-server.ts";
import { startTemporal, type TemporalStackServer } from "./temporal-server.ts";

export interface BaseServersOptions {
  readonly programs: ServerPrograms;
  /** A new one: each server has a folder of its own in it. */
  readonly folder: string;
  /** A folder that is removed when we die without stopping the servers. */
  readonly removed?: string | undefined;
  /** Postgres commits reach the disk, as in production: for measurements. A killed process loses nothing either way. Default false. */
  readonly durable?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The servers that every installation stands on. */
export interface BaseServers extends AsyncDisposable {
  readonly postgres: StackServer;
  readonly nats: NatsStackServer;
  /** Of a new database in Postgres. */
  readonly databaseUrl: string;
}

/** Postgres, with a new database, and NATS; nothing is left running where one of them does not come up. */
export async function startBaseServers(options: BaseServersOptions): Promise<BaseServers> {
  const { programs, durable } = options;
  await using closing = new AsyncDisposableStack();
  await mkdir(options.folder, { recursive: true });
  if ((await postgresUser()) !== undefined) await letEveryoneEnter(options.folder);
  const own = async <T extends AsyncDisposable>(starting: Promise<T>) => closing.use(await starting);
  const [postgres, nats] = await allOf([
    own(startPostgres(programs.postgres, { ...placeOf("postgres", options), durable })),
    own(startNats(programs.natsServer, placeOf("nats", options))),
  ]);
  const databaseUrl = await createDatabase(postgres.url, "reliant");
  const owned = closing.move();
  return { postgres, nats, databaseUrl, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The third one, which gateways do not need. */
export function startTemporalBeside(options: BaseServersOptions): Promise<TemporalStackServer> {
  return startTemporal(options.programs.temporal, placeOf("temporal", options));
}

function placeOf(name: string, { folder, removed, signal }: BaseServersOptions) {
  return { folder: join(folder, name), removed, signal };
}
