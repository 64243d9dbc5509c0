import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { messageOf } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";

/** The file that takes a command's whole output, made with the first byte. What it could not take is said by `note`. */
export class OutputFile {
  private handle: FileHandle | undefined;
  private written = 0;
  private turn: Promise<void> = Promise.resolve();
  private problem: string | undefined;

  constructor(
    private readonly path: string | undefined,
    private readonly maxBytes: number = LIMITS.toolOutputFileBytes,
  ) {}

  /** Appends; resolves when it is written, so that a writer that is faster than the disk waits. */
  write(data: Uint8Array): Promise<void> {
    this.turn = this.turn.then(() => this.append(data));
    return this.turn;
  }

  /** The path of what was kept, undefined where nothing was; and what is wrong with it. */
  async close(): Promise<{ readonly path: string | undefined; readonly note: string | undefined }> {
    await this.turn;
    await this.handle?.close();
    return { path: this.handle === undefined ? undefined : this.path, note: this.problem };
  }

  private async append(data: Uint8Array): Promise<void> {
    if (this.path === undefined || this.problem !== undefined) return;
    try {
      this.handle ??= await open(this.path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
      const room = this.maxBytes - this.written;
      const kept = data.subarray(0, room);
      await this.handle.writeFile(kept);
      this.written += kept.length;
      if (kept.length < data.length) this.problem = `the file ends after ${this.maxBytes} bytes, the most that is kept`;
    } catch (error) {
      this.problem = `the output could not be kept: ${messageOf(error)}`;
    }
  }
}
