import { closeSync, existsSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";

/**
 * The daemon's log on disk: `path`, and `path.1` to `path.N` before it, each of at most `LIMITS.daemonLogFileBytes`. A line
 * that cannot be written (a full disk) is lost here; it is on standard error as well.
 */
export class LogFile {
  private size: number;

  private constructor(
    private readonly path: string,
    private readonly maxBytes: number,
    private file: number,
  ) {
    this.size = fstatSync(file).size;
  }

  /** Throws `failed_precondition`. */
  static open(path: string, maxBytes: number = LIMITS.daemonLogFileBytes): LogFile {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      return new LogFile(path, maxBytes, openSync(path, "a", 0o600));
    } catch (error) {
      throw new ReliantError("failed_precondition", `open log ${path}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Appends the text, which ends with a newline. */
  append(text: string): void {
    const bytes = Buffer.from(text);
    try {
      if (this.size > 0 && this.size + bytes.length > this.maxBytes) this.rotate();
      this.size += writeSync(this.file, bytes);
    } catch {
      // Said above: lost here only. There is no better place to say it.
    }
  }

  close(): void {
    closeSync(this.file);
  }

  private rotate(): void {
    for (let number = LIMITS.daemonLogFiles - 1; number >= 0; number--) {
      const from = number === 0 ? this.path : `${this.path}.${number}`;
      if (existsSync(from)) renameSync(from, `${this.path}.${number + 1}`);
    }
    closeSync(this.file);
    this.file = openSync(this.path, "a", 0o600);
    this.size = 0;
  }
}
