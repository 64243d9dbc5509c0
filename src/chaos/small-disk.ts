import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, ReliantError } from "../core/errors.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { ManagedProcess } from "../stack/managed-process.ts";

/** A small file system of its own, which a process sees that is started behind `wrap`. */
export interface SmallDisk extends AsyncDisposable {
  /** Where it is for that process. */
  readonly path: string;
  /** The same folder for us. */
  readonly seenPath: string;
  /** Put before the process's command. */
  readonly wrap: readonly string[];
  /** Takes all of its free space. Throws `failed_precondition` where one more byte fits then. */
  fill(): Promise<void>;
  free(): Promise<void>;
}

/**
 * A tmpfs in a mount namespace that a sleeping process holds: nothing is mounted that others see, and it is gone with
 * that process. Needs Linux, and root or unprivileged user namespaces. Throws `failed_precondition`, saying which is not there.
 */
export async function openSmallDisk(folder: string): Promise<SmallDisk> {
  if (process.platform !== "linux") {
    throw new ReliantError("failed_precondition", `mount a small disk: not on ${process.platform}`);
  }
  const path = join(folder, "small-disk");
  await mkdir(path, { recursive: true });
  const faults: string[] = [];
  for (const way of WAYS) {
    try {
      return await hold(path, way);
    } catch (error) {
      faults.push(messageOf(error));
    }
  }
  throw new ReliantError(
    "failed_precondition",
    `mount a small disk: needs root or unprivileged user namespaces (${faults.join("; ")})`,
  );
}

interface Way {
  readonly unshare: readonly string[];
  readonly enter: readonly string[];
}

const WAYS: readonly Way[] = [
  { unshare: ["--mount"], enter: ["--mount"] },
  { unshare: ["--user", "--map-root-user", "--mount"], enter: ["--user", "--preserve-credentials", "--mount"] },
];

async function hold(path: string, way: Way): Promise<SmallDisk> {
  const script = `mount -t tmpfs -o size=${TRIAL_LIMITS.chaosSmallDiskBytes},mode=700 chaos "$1" && echo mounted && exec sleep infinity`;
  const holder = await ManagedProcess.start({
    command: ["unshare", ...way.unshare, "sh", "-c", script, "small-disk", path],
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
    cwd: "/",
  });
  const stop = async () => {
    await holder.stop("SIGKILL");
  };
  try {
    await holder.awaitOutput(/^mounted$/m);
  } catch {
    await stop();
    throw new ReliantError(
      "failed_precondition",
      `unshare ${way.unshare.join(" ")}: ${holder.stderr.trim() || "failed"}`,
    );
  }
  const seenPath = join("/proc", String(holder.pid), "root", path);
  const filler = join(seenPath, "filler");
  return {
    ...{ path, seenPath },
    wrap: ["nsenter", "--target", String(holder.pid), ...way.enter],
    fill: async () => {
      await fillUp(filler);
      // Who lives there may have given something back meanwhile.
      await checkFull(seenPath).catch(() => fillUp(filler));
      await checkFull(seenPath);
    },
    free: () => rm(filler, { force: true }),
    [Symbol.asyncDispose]: stop,
  };
}

/** Tries one more byte, in a new file. Throws `failed_precondition` where it fits. */
export async function checkFull(folder: string): Promise<void> {
  const path = join(folder, "one-more-byte");
  try {
    await writeFile(path, "x");
  } catch (error) {
    if (isFull(error)) return;
    throw error;
  } finally {
    await rm(path, { force: true });
  }
  throw new ReliantError("failed_precondition", `fill the disk of ${folder}: it did not take: one more byte fits`);
}

/** Writes until not one byte more fits; large pieces first. */
async function fillUp(path: string): Promise<void> {
  await using file = await open(path, "a", 0o600);
  for (let size = TRIAL_LIMITS.chaosSmallDiskBytes; size >= 1; size = Math.floor(size / 4)) {
    const piece = Buffer.alloc(Math.min(size, 1024 * 1024));
    try {
      for (;;) {
        const { bytesWritten } = await file.write(piece);
        if (bytesWritten < piece.length) break;
      }
    } catch (error) {
      if (!isFull(error)) throw error;
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOSPC";
}
