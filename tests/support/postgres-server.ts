import postgres from "postgres";
import { startPostgres as startPostgresServer } from "../../src/stack/postgres-server.ts";
import { postgresUser } from "../../src/stack/postgres-user.ts";
import type { StackServer } from "../../src/stack/stack-server.ts";
import { inTempFolder } from "./own-server.ts";
import { postgresProgram } from "./postgres-program.ts";

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

export type OwnPostgresServer = PostgresServer & StackServer;

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
  const user = await postgresUser();
  const server = await inTempFolder("postgres", async (folder) =>
    startPostgresServer(await postgresProgram(folder, user), { ...options, folder, removed: folder }),
  );
  return { ...server, freshDatabase: (name, template) => freshDatabase(server.url, name, template) };
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
