import { type FileHandle, open, unlink } from "node:fs/promises";
import { resolve } from "node:path";
import { messageOf, ReliantError } from "../core/errors.ts";

/** A file that takes what a command found, as JSON. */
export interface ReportFile {
  /** In the place of what the file held. Throws `failed_precondition` where the disk has become full, say. */
  write(report: unknown): Promise<void>;
  /** Removes a file that was made here and took nothing; leaves any other as it is. */
  close(): Promise<void>;
}

/** Before work that takes long: throws `invalid_argument` where the file cannot be written. What it holds stays until `write`. */
export async function openReport(path: string): Promise<ReportFile> {
  const file = resolve(path);
  let made = true;
  let handle: FileHandle;
  try {
    handle = await open(file, "ax").catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      made = false;
      return open(file, "a");
    });
  } catch (error) {
    throw new ReliantError("invalid_argument", `write ${file}: ${messageOf(error)}`, {
      cause: error,
      hint: "name a file in a folder that is there and may be written",
    });
  }
  await handle.close();
  return {
    async write(report) {
      try {
        await Bun.write(file, `${JSON.stringify(report, null, 2)}\n`);
        made = false;
      } catch (error) {
        throw new ReliantError("failed_precondition", `write ${file}: ${messageOf(error)}`, { cause: error });
      }
    },
    async close() {
      if (made) await unlink(file).catch(() => undefined);
    },
  };
}
