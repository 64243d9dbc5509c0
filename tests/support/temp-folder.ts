import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempFolder extends AsyncDisposable {
  readonly path: string;
  remove(): Promise<void>;
}

/** A new empty folder of its own, for `await using folder = await tempFolder()`. */
export async function tempFolder(name = "test"): Promise<TempFolder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), `reliant-${name}-`)));
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 5 });
  return { path, remove, [Symbol.asyncDispose]: remove };
}
