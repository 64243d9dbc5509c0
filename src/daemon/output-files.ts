import { mkdir, readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../core/errors.ts";
import { isIdToken } from "../core/ids.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";

const SUFFIX = ".log";

/** The whole outputs of tools, a file a call, in a folder bounded by size and age. */
export class OutputFiles {
  private readonly log = logger("daemon", "outputs");

  private constructor(private readonly folder: string) {}

  static async open(folder: string): Promise<OutputFiles> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new OutputFiles(folder);
  }

  pathOf(toolCallId: string): string {
    return join(this.folder, `${toolCallId}${SUFFIX}`);
  }

  /** Removes files older than `LIMITS.journalKeepMs`, then the oldest until the folder is within its bound. `inUse` stay. */
  async tidy(
    nowMs: number,
    inUse: ReadonlySet<string>,
    maxBytes: number = LIMITS.toolOutputFolderBytes,
  ): Promise<void> {
    const files = await this.files();
    let keptBytes = 0;
    for (const { path, toolCallId, bytes, changedAtMs } of files) {
      keptBytes += bytes;
      const tooOld = changedAtMs < nowMs - LIMITS.journalKeepMs;
      if (inUse.has(toolCallId) || (!tooOld && keptBytes <= maxBytes)) continue;
      keptBytes -= bytes;
      await unlink(path).catch((error: unknown) => {
        this.log.warn("output file not removed", { path, error: messageOf(error) });
      });
    }
  }

  /** Newest first. */
  private async files() {
    const names = (await readdir(this.folder)).filter((name) => name.endsWith(SUFFIX));
    const found = [];
    for (const name of names) {
      const toolCallId = name.slice(0, -SUFFIX.length);
      const path = join(this.folder, name);
      const facts = isIdToken(toolCallId) ? await stat(path).catch(() => undefined) : undefined;
      if (facts !== undefined) found.push({ path, toolCallId, bytes: facts.size, changedAtMs: facts.mtimeMs });
    }
    return found.sort((one, other) => other.changedAtMs - one.changedAtMs);
  }
}
