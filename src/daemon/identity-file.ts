import { z } from "zod";
import { ReliantError } from "../core/errors.ts";
import { isIdToken } from "../core/ids.ts";
import { readSmallFile, writePrivateFile } from "./settings-file.ts";

const FILE = z.object({ daemonId: z.string().refine(isIdToken, { error: "is not an id" }) });

/** The daemon id of this data folder; undefined before the first welcome. Throws `failed_precondition` where the file is faulty. */
export async function readDaemonId(path: string): Promise<string | undefined> {
  const text = await readSmallFile(path);
  if (text === undefined) return undefined;
  try {
    return FILE.parse(JSON.parse(text)).daemonId;
  } catch (error) {
    throw new ReliantError("failed_precondition", `read ${path}: it names no daemon id`, {
      cause: error,
      hint: "remove the file, or pass --daemon-id",
    });
  }
}

export async function writeDaemonId(path: string, daemonId: string): Promise<void> {
  await writePrivateFile(path, `${JSON.stringify({ daemonId })}\n`);
}
