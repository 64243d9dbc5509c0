import { chmod, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { messageOf, ReliantError } from "../core/errors.ts";

/** How a monolith is reached on its own machine: written into its data folder, readable by its owner only. */
const LocalServer = z.object({ url: z.url(), token: z.string().min(1), pid: z.number().int().positive() });
export type LocalServer = z.infer<typeof LocalServer>;

const NAME = "local-server.json";

/** Writes the file (0600), in place of an older one, in one step. */
export async function writeLocalServerFile(dataDir: string, server: LocalServer): Promise<void> {
  const path = join(dataDir, NAME);
  const fresh = `${path}.new`;
  try {
    await rm(fresh, { force: true });
    await writeFile(fresh, `${JSON.stringify(server, null, 2)}\n`, { mode: 0o600, flag: "wx" });
    await chmod(fresh, 0o600);
    await rename(fresh, path);
  } catch (error) {
    throw new ReliantError("internal", `write ${path}: ${messageOf(error)}`, { cause: error });
  }
}

export async function removeLocalServerFile(dataDir: string): Promise<void> {
  await rm(join(dataDir, NAME), { force: true });
}

/** Throws `unavailable` where no monolith wrote the file, `failed_precondition` where it is not one of ours. */
export async function readLocalServerFile(dataDir: string): Promise<LocalServer> {
  const path = join(dataDir, NAME);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new ReliantError("unavailable", `no server runs on ${dataDir}`, {
      cause: error,
      hint: "start one with `reliant monolith`, or name a server with --server and --token",
    });
  }
  const parsed = LocalServer.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new ReliantError("failed_precondition", `read ${path}: it is not a file that \`reliant monolith\` wrote`, {
    hint: "remove it and start `reliant monolith` again",
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
