import { type FileHandle, open, stat } from "node:fs/promises";
import type { Clock } from "../core/clock.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";

/** A log line is seldom longer; so much is read from the end for each line that is wanted. */
const LINE_BYTES = 512;
const READ_BYTES = 64 * 1024;

/** The last lines of the log and, where `follow`, what comes after them until the signal aborts. Throws `not_found` where there is no log. */
export async function* tailLog(
  path: string,
  options: { readonly follow: boolean; readonly clock: Clock; readonly signal: AbortSignal; readonly lines?: number },
): AsyncGenerator<string> {
  const { follow, clock, signal } = options;
  let file = await openLog(path);
  try {
    const { size } = await file.stat();
    const lines = options.lines ?? LIMITS.daemonLogLines;
    let at = Math.max(0, size - lines * LINE_BYTES);
    const tail = await readFrom(file, at, size - at);
    let decoder = new TextDecoder();
    yield lastLines(decoder.decode(tail, { stream: true }), lines, at > 0);
    at = size;
    while (follow && !signal.aborted) {
      const more = await readFrom(file, at, READ_BYTES);
      at += more.length;
      if (more.length > 0) {
        yield decoder.decode(more, { stream: true });
        continue;
      }
      if (await wasRotated(file, path)) {
        await file.close();
        file = await openLog(path);
        decoder = new TextDecoder();
        at = 0;
        continue;
      }
      await clock.sleep(LIMITS.daemonLogPollMs, signal).catch(() => {});
    }
  } finally {
    await file.close();
  }
}

function lastLines(text: string, count: number, isCut: boolean): string {
  const whole = isCut ? text.slice(text.indexOf("\n") + 1) : text;
  const lines = whole.split("\n");
  return lines.slice(Math.max(0, lines.length - 1 - count)).join("\n");
}

async function openLog(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (missing) throw new ReliantError("not_found", `no log in ${path}: the daemon has not been started here yet`);
    throw new ReliantError("failed_precondition", `read log ${path}: ${messageOf(error)}`, { cause: error });
  }
}

async function readFrom(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await file.read(buffer, filled, bytes - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

async function wasRotated(file: FileHandle, path: string): Promise<boolean> {
  const [mine, named] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
  return named !== undefined && (named.ino !== mine.ino || named.size < mine.size);
}
