import { readdir, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ReliantError } from "../core/errors.ts";

export interface PostgresProgram {
  readonly initdb: string;
  readonly postgres: string;
}

/** The programs of the servers that a stack needs. */
export interface ServerPrograms {
  readonly natsServer: string;
  readonly temporal: string;
  readonly postgres: PostgresProgram;
}

/** What the user has named, in place of looking for it. */
export interface ProgramPaths {
  /** `--nats-server`: the program. */
  readonly natsServer?: string | undefined;
  /** `--temporal-cli`: the program. */
  readonly temporalCli?: string | undefined;
  /** `--postgres-bin`: the folder that holds `postgres` and `initdb`. */
  readonly postgresBin?: string | undefined;
}

export interface ProgramSearch {
  /** As `PATH`. */
  readonly path: string;
  /** A folder for each version, with `bin` in it: Debian keeps the servers off PATH. */
  readonly postgresVersions: string;
}

function defaultSearch(): ProgramSearch {
  return { path: process.env.PATH ?? "", postgresVersions: "/usr/lib/postgresql" };
}

/**
 * Finds what is named by the user, else on PATH, else (Postgres) where Debian puts it. Throws `failed_precondition`, naming
 * everything that is missing at once and how to get it.
 */
export async function findServerPrograms(
  named: ProgramPaths,
  search: ProgramSearch = defaultSearch(),
): Promise<ServerPrograms> {
  const [natsServer, temporal, postgres] = await Promise.all([
    findProgram("nats-server", named.natsServer, search),
    findProgram("temporal", named.temporalCli, search),
    findPostgres(named.postgresBin, search),
  ]);
  if (natsServer !== undefined && temporal !== undefined && postgres !== undefined) {
    return { natsServer, temporal, postgres };
  }
  const missing = [
    natsServer === undefined
      ? `nats-server${at(named.natsServer)} (https://github.com/nats-io/nats-server/releases, or --nats-server PATH)`
      : undefined,
    temporal === undefined
      ? `temporal${at(named.temporalCli)} (https://docs.temporal.io/cli, or --temporal-cli PATH)`
      : undefined,
    postgres === undefined
      ? `postgres and initdb${at(named.postgresBin)} (https://www.postgresql.org/download, package postgresql; or --postgres-bin FOLDER)`
      : undefined,
  ].filter((one) => one !== undefined);
  throw new ReliantError(
    "failed_precondition",
    `find the servers of a local stack: missing\n  ${missing.join("\n  ")}`,
    {
      hint: "install what is missing, or use a stack that runs already, by its address",
    },
  );
}

function at(path: string | undefined): string {
  return path === undefined ? "" : ` at ${path}`;
}

function findProgram(name: string, named: string | undefined, search: ProgramSearch): string | undefined {
  return Bun.which(named ?? name, { PATH: search.path }) ?? undefined;
}

/** `postgres` and `initdb` of one installation: of the folder that is named, else of PATH, else the newest of Debian's. */
export async function findPostgres(
  bin: string | undefined,
  search: ProgramSearch = defaultSearch(),
): Promise<PostgresProgram | undefined> {
  if (bin !== undefined) return programIn(bin);
  const onPath = Bun.which("postgres", { PATH: search.path });
  // A link on PATH (`/usr/local/bin`) is followed: initdb and the libraries lie beside the program itself.
  const beside = onPath === null ? undefined : await programIn(dirname(await realpath(onPath)));
  return beside ?? (await newestIn(search.postgresVersions));
}

async function newestIn(versionsFolder: string): Promise<PostgresProgram | undefined> {
  const versions = await readdir(versionsFolder).catch(() => []);
  for (const version of versions.sort((a, b) => Number(b) - Number(a))) {
    const found = programIn(join(versionsFolder, version, "bin"));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Undefined where one of the two is not there, or may not be run. */
function programIn(folder: string): PostgresProgram | undefined {
  const initdb = Bun.which(join(folder, "initdb"));
  const postgres = Bun.which(join(folder, "postgres"));
  return initdb === null || postgres === null ? undefined : { initdb, postgres };
}
