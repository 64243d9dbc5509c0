import { z } from "zod";
import { ReliantError } from "../core/errors.ts";
import { isIdToken } from "../core/ids.ts";
import { logger } from "../core/logger.ts";
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

/** Keeps the id that the gateway gave; one that was asked for by hand is not kept. */
export class IdKeeper {
  private readonly isAsked: boolean;
  private keeping: Promise<void> | undefined;

  /** `askedId`: empty where none was. */
  constructor(
    private readonly path: string,
    askedId: string,
  ) {
    this.isAsked = askedId !== "";
  }

  /** Keeps the first one; where it cannot be kept, a later call tries again. */
  keep(daemonId: string): void {
    if (this.isAsked || this.keeping !== undefined) return;
    this.keeping = writeDaemonId(this.path, daemonId).catch((error: unknown) => {
      this.keeping = undefined;
      logger("daemon").error("daemon id not kept: the next start gets another one", { daemonId, error: String(error) });
    });
  }

  /** Resolves when nothing is being written: a process that ends waits for it, or the machine is another daemon next time. */
  async settled(): Promise<void> {
    await this.keeping;
  }
}
