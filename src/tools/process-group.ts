import { readdir, readFile } from "node:fs/promises";
import { CALL_VARIABLE } from "./tool-environment.ts";

/** Sends the signal to the group that the process leads; on Windows to the process and its children. No effect where nothing is left. */
export function signalGroup(leader: number, signal: "SIGTERM" | "SIGKILL"): void {
  if (process.platform === "win32") {
    Bun.spawnSync(["taskkill", "/pid", String(leader), "/t", "/f"], { stdout: "ignore", stderr: "ignore" });
    return;
  }
  try {
    process.kill(-leader, signal);
  } catch {
    // ESRCH: the group has ended.
  }
}

/**
 * Kills what a call started and what left its process group (`setsid`, a daemon): on Linux such a process is known by
 * the call's variable in its environment. A new process may appear while they are looked for: looks again until none is found.
 */
export async function killStrays(toolCallId: string): Promise<void> {
  if (process.platform !== "linux") return;
  const mark = Buffer.from(`${CALL_VARIABLE}=${toolCallId}\0`);
  for (let round = 0; round < 3; round++) {
    const found = await markedProcesses(mark);
    if (found.length === 0) return;
    for (const pid of found) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}

async function markedProcesses(mark: Buffer): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      // Another user's processes cannot be read, and are not ours.
      const environment = await readFile(`/proc/${pid}/environ`).catch(() => undefined);
      return environment?.includes(mark) === true ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}
