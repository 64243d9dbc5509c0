import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";
import { logger } from "../../core/logger.ts";

const POLL_MS = 50;

/** Notes the process id of the server that this process has started, for the next one in case this one is killed. */
export async function noteServer(folder: string, pid: number): Promise<void> {
  await Bun.write(fileOf(folder), `${pid}\n`);
}

export async function forgetServer(folder: string): Promise<void> {
  await rm(fileOf(folder), { force: true });
}

/** Ends a server that a killed process left behind: the one noted, if it still runs with that database. */
export async function endLeftServer(folder: string, database: string, clock: Clock): Promise<void> {
  const file = Bun.file(fileOf(folder));
  if (!(await file.exists())) return;
  const pid = Number((await file.text()).trim());
  if (Number.isSafeInteger(pid) && pid > 1 && (await commandOf(pid)).includes(database)) {
    logger("engine", "temporal").warning("ending a Temporal server that was left behind", { pid });
    await endProcess(pid, clock);
  }
  await forgetServer(folder);
}

async function endProcess(pid: number, clock: Clock): Promise<void> {
  const killAtMs = clock.now() + LIMITS.temporalServerStopMs;
  send(pid, "SIGTERM");
  while ((await commandOf(pid)) !== "") {
    if (clock.now() >= killAtMs) {
      send(pid, "SIGKILL");
      return;
    }
    await clock.sleep(POLL_MS);
  }
}

/** The command line of a process; empty where there is none. */
async function commandOf(pid: number): Promise<string> {
  const ps = Bun.spawn(["ps", "-o", "command=", "-p", String(pid)], { stdout: "pipe", stderr: "ignore" });
  const text = await ps.stdout.text();
  await ps.exited;
  return text.trim().endsWith("<defunct>") ? "" : text.trim();
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It has ended meanwhile.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function fileOf(folder: string): string {
  return join(folder, "temporal.pid");
}
