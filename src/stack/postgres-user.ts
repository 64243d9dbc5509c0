import { chmod, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ReliantError } from "../core/errors.ts";

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/** Who runs Postgres: ourselves (undefined), or, as Postgres refuses root, the user `postgres` or else `nobody`. Throws `failed_precondition`. */
export async function postgresUser(): Promise<UserIds | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = await Promise.all([id("-u", name), id("-g", name)]);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new ReliantError(
    "failed_precondition",
    "start postgres as root: it refuses root, and there is neither a user postgres nor nobody",
  );
}

/** True where every folder of the path may be entered by everybody. */
export async function everyoneMayEnter(path: string): Promise<boolean> {
  return (await closedFolder(path)) === undefined;
}

/**
 * Lets another user into the folder, to what is in it by name. Throws `failed_precondition` where a folder above it is
 * closed: that one is not ours to open.
 */
export async function letEveryoneEnter(folder: string): Promise<void> {
  const closed = await closedFolder(dirname(folder));
  if (closed !== undefined) {
    throw new ReliantError(
      "failed_precondition",
      `start postgres as another user than root, in ${folder}: that user may not enter ${closed}`,
      { hint: "name a folder that everybody may enter, under /tmp say, or do not start it as root" },
    );
  }
  await chmod(folder, ((await stat(folder)).mode & 0o777) | 0o011);
}

async function closedFolder(path: string): Promise<string | undefined> {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return at;
  }
  return undefined;
}

async function id(flag: string, name: string): Promise<number | undefined> {
  const run = Bun.spawn(["id", flag, name], { stdout: "pipe", stderr: "ignore" });
  const text = (await run.stdout.text()).trim();
  return (await run.exited) === 0 ? Number(text) : undefined;
}
