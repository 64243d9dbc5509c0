import { rm } from "node:fs/promises";
import { z } from "zod";
import { ReliantError } from "../core/errors.ts";
import { processMark } from "./process-mark.ts";
import { readSmallFile, writePrivateFile } from "./settings-file.ts";

const FILE = z.object({ pid: z.int().positive(), mark: z.string().min(1) });

/** The process that the file names, if it still runs; a file of a process that has ended counts as none. Throws `failed_precondition`. */
export async function findDaemonProcess(path: string): Promise<number | undefined> {
  const text = await readSmallFile(path);
  if (text === undefined) return undefined;
  const named = parse(text, path);
  return (await processMark(named.pid)) === named.mark ? named.pid : undefined;
}

/** Names this process. Only for the holder of the journal. */
export async function writePidFile(path: string): Promise<void> {
  const mark = await processMark(process.pid);
  if (mark === undefined) throw new ReliantError("internal", `write ${path}: this process has no start time`);
  await writePrivateFile(path, `${JSON.stringify({ pid: process.pid, mark })}\n`);
}

export async function removePidFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

function parse(text: string, path: string): z.output<typeof FILE> {
  try {
    return FILE.parse(JSON.parse(text));
  } catch (error) {
    throw new ReliantError("failed_precondition", `read ${path}: it names no process`, {
      cause: error,
      hint: "end the daemon by hand if it runs, then remove the file",
    });
  }
}
