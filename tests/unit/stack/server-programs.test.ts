import { describe, expect, test } from "bun:test";
import { chmod, mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findServerPrograms } from "../../../src/stack/server-programs.ts";
import { tempFolder } from "../../support/temp-folder.ts";

async function program(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await Bun.write(path, "#!/bin/sh\n");
  await chmod(path, 0o755);
  return path;
}

/** A machine: a folder on PATH, and one where Debian keeps Postgres. */
async function machine() {
  const folder = await tempFolder("programs");
  const bin = join(folder.path, "bin");
  const postgresVersions = join(folder.path, "postgresql");
  await mkdir(bin);
  return { ...folder, bin, postgresVersions, search: { path: bin, postgresVersions } };
}

describe("the programs of a stack's servers", () => {
  test("are found on PATH, and Postgres where Debian keeps its newest version", async () => {
    await using here = await machine();
    const natsServer = await program(join(here.bin, "nats-server"));
    const temporal = await program(join(here.bin, "temporal"));
    for (const version of ["9", "17"]) {
      for (const name of ["initdb", "postgres"]) await program(join(here.postgresVersions, version, "bin", name));
    }
    const newest = join(here.postgresVersions, "17/bin");
    expect(await findServerPrograms({}, here.search)).toEqual({
      ...{ natsServer, temporal },
      postgres: { initdb: join(newest, "initdb"), postgres: join(newest, "postgres") },
    });
  });

  test("a link to postgres on PATH is followed to the initdb beside it", async () => {
    await using here = await machine();
    for (const name of ["nats-server", "temporal"]) await program(join(here.bin, name));
    const initdb = await program(join(here.path, "pg/bin/initdb"));
    const postgres = await program(join(here.path, "pg/bin/postgres"));
    await symlink(postgres, join(here.bin, "postgres"));
    expect((await findServerPrograms({}, here.search)).postgres).toEqual({ initdb, postgres });
  });

  test("that are named go before all others", async () => {
    await using here = await machine();
    for (const name of ["nats-server", "temporal", "postgres", "initdb"]) await program(join(here.bin, name));
    const natsServer = await program(join(here.path, "own/nats"));
    const temporalCli = await program(join(here.path, "own/temporal-cli"));
    const postgresBin = join(here.path, "own/pg");
    const initdb = await program(join(postgresBin, "initdb"));
    const postgres = await program(join(postgresBin, "postgres"));
    expect(await findServerPrograms({ natsServer, temporalCli, postgresBin }, here.search)).toEqual({
      ...{ natsServer, temporal: temporalCli },
      postgres: { initdb, postgres },
    });
  });

  test("that are missing are told all at once, with what to install", async () => {
    await using here = await machine();
    await program(join(here.bin, "temporal"));
    const finding = findServerPrograms({ postgresBin: "/nowhere" }, here.search);
    await expect(finding).rejects.toMatchObject({ code: "failed_precondition" });
    await expect(finding).rejects.toThrow(
      /missing\n {2}nats-server \(https:.*--nats-server.*\n {2}postgres and initdb at \/nowhere/,
    );
    await expect(finding).rejects.not.toThrow(/temporal \(/);
  });
});
