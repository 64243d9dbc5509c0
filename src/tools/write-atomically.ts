import { constants } from "node:fs";
import { access, open, rename, unlink } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { messageOf } from "../core/errors.ts";
import { holdFolder } from "./open-inside.ts";

/**
 * Puts the content in the file's place: readers see the old or the new one, never a part. `path` is what `confine` gave
 * and its folder exists. Gives a text where it could not be written. `mode` undefined: a new file's usual one.
 */
export async function writeAtomically(
  path: string,
  content: string,
  mode: number | undefined,
  roots: readonly string[],
): Promise<string | undefined> {
  const folder = await holdFolder(dirname(path), roots);
  if (typeof folder === "string") return folder;
  await using held = folder;
  const temporary = held.pathOf(`.${basename(path).slice(0, 100)}.${crypto.randomUUID()}`);
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
    const handle = await open(temporary, flags, 0o666);
    try {
      if (mode !== undefined) await handle.chmod(mode & 0o7777);
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
    await rename(temporary, held.pathOf(basename(path)));
    return undefined;
  } catch (error) {
    await unlink(temporary).catch(() => {});
    return messageOf(error);
  }
}

/** False for a read-only file: putting another one in its place would get around that. */
export function mayBeWritten(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}
