import { randomUUID } from "node:crypto";
import { chmod, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";

/** The text of a small file; undefined where there is none. Throws `failed_precondition` where it cannot be read. */
export async function readSmallFile(path: string): Promise<string | undefined> {
  try {
    const file = Bun.file(path);
    const { size } = await stat(path);
    if (size > LIMITS.daemonFileBytes) throw new Error(`${size} bytes, at most ${LIMITS.daemonFileBytes} are read`);
    return await file.text();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new ReliantError("failed_precondition", `read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Puts the text in place as a whole, on the disk when it returns, readable by this user only. Throws `failed_precondition`. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const partial = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(partial, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(partial, 0o600);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw new ReliantError("failed_precondition", `write ${path}: ${messageOf(error)}`, { cause: error });
  }
}
