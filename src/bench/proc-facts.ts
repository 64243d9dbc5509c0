import { readFileSync } from "node:fs";
import { childrenOf } from "../stack/child-processes.ts";

/** A clock tick of `/proc/<pid>/stat`: Linux tells user space 100 in a second, whatever the kernel's own pace. */
const TICK_MS = 10;

/** Resident memory of a process, bytes. Throws where there is no such process, or no `/proc`. */
export function residentBytes(pid: number): number {
  const bytes = statusBytes(pid, "VmRSS");
  if (bytes === undefined) throw new Error(`read the memory of process ${pid}: it has ended`);
  return bytes;
}

/** The most memory that a process ever had resident, bytes; undefined once it has ended. */
export function peakBytes(pid: number): number | undefined {
  return statusBytes(pid, "VmHWM");
}

/** Processor time of all threads since the start, user and kernel, milliseconds. */
export function processorMs(pid: number): number {
  const fields = statFields(pid) ?? [];
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  if (Number.isNaN(user + system)) throw new Error(`read the processor time of process ${pid}: /proc tells none`);
  return (user + system) * TICK_MS;
}

/** The same of a process, all that it has started, and those of them that have ended. */
export async function treeProcessorMs(pid: number): Promise<number> {
  const fields = statFields(pid);
  if (fields === undefined) return 0;
  // Behind its own come those of its children that have ended, and were asked about.
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15).map(Number);
  const children = await Promise.all((await childrenOf(pid)).map(treeProcessorMs));
  return children.reduce((sum, each) => sum + each, (user + system + endedUser + endedSystem) * TICK_MS);
}

/** What the machine's processors have done since it was started, in ticks of all of them. */
export interface MachineTicks {
  readonly total: number;
  readonly idle: number;
  /** Taken by other machines on the same host. */
  readonly stolen: number;
}

export function machineTicks(): MachineTicks {
  // user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of the first two.
  const ticks = readFileSync("/proc/stat", "utf8").split("\n")[0]?.trim().split(/\s+/).slice(1, 9).map(Number) ?? [];
  const [, , , idle = 0, waiting = 0, , , stolen = 0] = ticks;
  return { total: ticks.reduce((sum, each) => sum + each, 0), idle: idle + waiting, stolen };
}

function statusBytes(pid: number, field: string): number | undefined {
  const text = readProc(pid, "status");
  if (text === undefined) return undefined;
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** The fields of its line from the third on. The second is its name, which may hold spaces; what follows is numbers, but for the first. */
function statFields(pid: number): string[] | undefined {
  return readProc(pid, "stat")?.split(") ").at(-1)?.split(" ");
}

/** Undefined where there is no such process any more. */
function readProc(pid: number, file: "stat" | "status"): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
      return undefined;
    throw error;
  }
}
