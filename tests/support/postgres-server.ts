import { chmod, chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { freePort } from "./free-port.ts";
import { type PostgresProgram, postgresProgram, postgresUser, type UserIds } from "./postgres-program.ts";
import { tempFolder } from "./temp-folder.ts";
import { TestProcess } from "./test-process.ts";

/** What fills a template once in a server's life, by its key; databases made from it are copies, which takes some 30 ms. */
export interface Template {
  readonly key: string;
  readonly fill: (url: string) => Promise<void>;
}

export interface FreshDatabase extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** Ends all connections to it and removes it. */
  drop(): Promise<void>;
}

/** A Postgres server of a test. Where it is shared by the whole run, `stop` does nothing. */
export interface PostgresServer extends AsyncDisposable {
  /** Of the maintenance database; for tests, `freshDatabase`. */
  readonly url: string;
  /** A database of its own, empty or a copy of the template. `name` is for people who read logs. */
  freshDatabase(name: string, template?: Template): Promise<FreshDatabase>;
  stop(): Promise<void>;
}

export interface OwnPostgresServer extends PostgresServer {
  /** SIGKILL of server and backends; `restart` brings it back at the same address, recovered. */
  kill9(): Promise<void>;
  restart(): Promise<void>;
  /** Freezes the postmaster: nobody can connect. Backends that are connected go on. */
  pause(): void;
  resume(): void;
}

/** `durable`: commits reach the disk, as in production; for measurements. Tests go without: a killed process loses nothing either way. */
export interface PostgresOptions {
  readonly durable?: boolean;
  /** Default: any free one. */
  readonly port?: number;
}

/** The server of the test run, or one of its own where a test file runs alone. */
export async function sharedPostgres(): Promise<PostgresServer> {
  const url = process.env.RELIANT_TEST_POSTGRES_URL;
  if (url === undefined) return startPostgres();
  const stop = async () => undefined;
  return {
    url,
    freshDatabase: (name, template) => freshDatabase(url, name, template),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A new server, up when this resolves. */
export async function startPostgres(options: PostgresOptions = {}): Promise<OwnPostgresServer> {
  const folder = await tempFolder("postgres");
  const user = await postgresUser();
  const program = await postgresProgram(folder.path, user);
  const data = await initialise(program, folder.path, user);
  const port = options.port ?? (await freePort());
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const start = async () => {
    const started = await TestProcess.start({
      command: [program.postgres, "-D", data, "-p", String(port), ...serverSettings(options.durable ?? false)],
      env: { LC_ALL: "C" },
      cwd: data,
      folder: folder.path,
      ...(user === undefined ? {} : { user }),
    });
    await started.awaitThat(`${url} to answer`, () => answers(url));
    return started;
  };
  let server = await start();
  const stop = async () => {
    server.resume();
    await server.stop("SIGINT");
    await folder.remove();
  };
  return {
    url,
    freshDatabase: (name, template) => freshDatabase(url, name, template),
    kill9: async () => {
      const backends = await childrenOf(server.pid);
      await server.kill9();
      for (const pid of backends) killNow(pid);
    },
    restart: async () => {
      await server.stop("SIGINT");
      server = await start();
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function serverSettings(durable: boolean): string[] {
  const lasting = durable ? [] : ["fsync=off", "full_page_writes=off"];
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300", ...lasting];
  return settings.flatMap((setting) => ["-c", setting]);
}

async function initialise(program: PostgresProgram, folder: string, user: UserIds | undefined): Promise<string> {
  const data = join(folder, "data");
  await mkdir(data, { mode: 0o700 });
  if (user !== undefined) {
    await chmod(folder, 0o711);
    await chown(data, user.uid, user.gid);
  }
  const run = await TestProcess.start({
    command: [
      ...[program.initdb, "-D", data, "--username=postgres", "--auth=trust"],
      ...["--encoding=UTF8", "--locale=C", "--no-sync"],
    ],
    env: { LC_ALL: "C", PATH: process.env.PATH ?? "" },
    cwd: data,
    ...(user === undefined ? {} : { user }),
  });
  const status = await run.awaitExit();
  if (status.code !== 0) throw new Error(`make a Postgres data folder: failed\n${run.newestOutput()}`);
  return data;
}

async function answers(url: string): Promise<true> {
  await withConnection(url, async (sql) => {
    await sql`select 1`;
  });
  return true;
}

async function withConnection<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => undefined });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

async function freshDatabase(url: string, name: string, template?: Template): Promise<FreshDatabase> {
  const unique = databaseName(`${name}_${Bun.randomUUIDv7("base64url")}`);
  const source = template === undefined ? "template0" : await templateDatabase(url, template);
  await withConnection(url, (sql) => sql`create database ${sql(unique)} template ${sql(source)}`);
  const drop = async () => {
    await withConnection(url, (sql) => sql`drop database if exists ${sql(unique)} with (force)`);
  };
  return { url: databaseUrl(url, unique), name: unique, drop, [Symbol.asyncDispose]: drop };
}

/** The template's database, filled by whoever comes first; others, of other processes too, wait for it. */
async function templateDatabase(url: string, template: Template): Promise<string> {
  const name = databaseName(`template_${template.key}`);
  const lock = Bun.hash.crc32(name);
  await withConnection(url, async (sql) => {
    await sql`select pg_advisory_lock(${lock})`;
    const found = await sql`select 1 from pg_database where datname = ${name} and datistemplate`;
    if (found.length > 0) return;
    await sql`drop database if exists ${sql(name)} with (force)`;
    await sql`create database ${sql(name)} template template0`;
    await template.fill(databaseUrl(url, name));
    await sql`alter database ${sql(name)} with is_template true`;
  });
  return name;
}

/** At most 63 letters, digits and `_`: what Postgres takes as a name. The end is kept, which is what differs. */
function databaseName(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "_")
    .slice(-63);
}

function databaseUrl(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

/** The backends: each is in a process group of its own, so a signal to the server's group does not reach them. */
async function childrenOf(parent: number): Promise<number[]> {
  const run = Bun.spawn(["ps", "-eo", "pid=,ppid="], { stdout: "pipe" });
  const rows = (await run.stdout.text()).trim().split("\n");
  return rows
    .map((row) => row.trim().split(/\s+/).map(Number))
    .flatMap(([pid, ppid]) => (pid !== undefined && ppid === parent ? [pid] : []));
}

function killNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
