import { chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { childrenOf, isAlive, signalProcess } from "./child-processes.ts";
import { freePort } from "./free-port.ts";
import { ManagedProcess } from "./managed-process.ts";
import { pollUntil } from "./poll-until.ts";
import { letEveryoneEnter, postgresUser, type UserIds } from "./postgres-user.ts";
import type { PostgresProgram } from "./server-programs.ts";
import { type ServerOthers, type StackServer, type StackServerOptions, startServer } from "./stack-server.ts";

export interface PostgresOptions extends StackServerOptions {
  /** Commits reach the disk, as in production: for measurements. A killed process loses nothing either way. Default false. */
  readonly durable?: boolean | undefined;
}

const HOST = "127.0.0.1";

/** A new Postgres server, up when this resolves. Its `url` is that of the maintenance database. */
export async function startPostgres(program: PostgresProgram, options: PostgresOptions): Promise<StackServer> {
  const { folder, removed } = options;
  await mkdir(folder, { recursive: true });
  const user = await postgresUser();
  const data = await initialise(program, folder, user);
  const port = options.port ?? (await freePort());
  const url = `postgres://postgres@${HOST}:${port}/postgres`;
  const launch = async (signal?: AbortSignal) => {
    const started = await ManagedProcess.start({
      command: [program.postgres, "-D", data, "-p", String(port), ...serverSettings(options.durable ?? false)],
      env: { LC_ALL: "C" },
      cwd: data,
      folder: removed,
      user,
      logFile: join(folder, "postgres.log"),
    });
    await started.killedUnless(started.awaitThat(`${url} to answer`, () => answers(url), undefined, signal));
    return started;
  };
  const kind = { name: "postgres", host: HOST, port, url, endsBy: "SIGINT", launch, others: BACKENDS } as const;
  return startServer(kind, options.signal);
}

/** Makes a database in the server of that address, and gives its address. */
export async function createDatabase(serverUrl: string, name: string): Promise<string> {
  await withConnection(serverUrl, (sql) => sql`create database ${sql(name)} template template0`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** The backends: each is in a process group of its own, so a signal to the server's group does not reach them. */
const BACKENDS: ServerOthers = {
  kill: async (server) => {
    const backends = await childrenOf(server.pid);
    await server.kill9();
    for (const pid of backends) signalProcess(pid, "SIGKILL");
    // A server does not start while one of them still holds the old one's memory.
    const areGone = async () => !(await Promise.all(backends.map(isAlive))).includes(true);
    await pollUntil("the backends of postgres to be gone", areGone, { timeoutMs: TRIAL_LIMITS.stackKillMs });
  },
  signal: async (server, signal) => {
    for (const pid of await childrenOf(server.pid)) signalProcess(pid, signal);
  },
};

function serverSettings(durable: boolean): string[] {
  const lasting = durable ? [] : ["fsync=off", "full_page_writes=off"];
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300", ...lasting];
  return settings.flatMap((setting) => ["-c", setting]);
}

async function initialise(program: PostgresProgram, folder: string, user: UserIds | undefined): Promise<string> {
  const data = join(folder, "data");
  await mkdir(data, { mode: 0o700 }).catch((cause) => {
    throw new ReliantError("failed_precondition", `make a Postgres data folder: ${messageOf(cause)}`, { cause });
  });
  if (user !== undefined) {
    await letEveryoneEnter(folder);
    await chown(data, user.uid, user.gid);
  }
  const run = await ManagedProcess.start({
    command: [
      ...[program.initdb, "-D", data, "--username=postgres", "--auth=trust"],
      ...["--encoding=UTF8", "--locale=C", "--no-sync"],
    ],
    env: { LC_ALL: "C", PATH: process.env.PATH ?? "" },
    cwd: data,
    user,
  });
  const status = await run.awaitExit();
  if (status.code === 0) return data;
  throw new ReliantError("failed_precondition", `make a Postgres data folder: initdb failed\n${run.newestOutput()}`);
}

async function answers(url: string): Promise<true> {
  await withConnection(url, (sql) => sql`select 1`);
  return true;
}

async function withConnection<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, connect_timeout: LIMITS.databaseConnectMs / 1000, onnotice: () => undefined });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: TRIAL_LIMITS.stackLookMs / 1000 });
  }
}
