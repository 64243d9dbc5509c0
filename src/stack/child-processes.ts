import { readdir, readFile } from "node:fs/promises";

/** Process ids of the children of a process. */
export async function childrenOf(parent: number): Promise<number[]> {
  const rows = process.platform === "linux" ? await procRows() : await psRows();
  return rows.flatMap(([pid, ppid]) => (ppid === parent ? [pid] : []));
}

/** Sends a signal to a process, or to the group `-pid`; false where there is none any more. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

/** A process that has ended, and that nobody has asked about yet (a zombie), does not count. */
export async function isAlive(pid: number): Promise<boolean> {
  if (process.platform !== "linux") return signalProcess(pid, 0);
  const fields = await statFields(pid);
  return fields !== undefined && fields[0] !== "Z" && fields[0] !== "X";
}

/** True where no thread of the process runs: SIGSTOP, which is sent at once, takes hold some time later. One that has ended counts. */
export async function isStopped(pid: number): Promise<boolean> {
  if (process.platform !== "linux") {
    const run = Bun.spawn(["ps", "-o", "state=", "-p", String(pid)], { stdout: "pipe", stderr: "ignore" });
    return /^\s*(T|Z|$)/.test(await run.stdout.text());
  }
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const states = await Promise.all(threads.map(async (thread) => (await statFields(`${pid}/task/${thread}`))?.[0]));
  return states.every((state) => state === undefined || "TtZX".includes(state));
}

type Row = readonly [pid: number, ppid: number];

async function procRows(): Promise<Row[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const rows = await Promise.all(
    pids.map(async (pid): Promise<Row | undefined> => {
      const ppid = (await statFields(pid))?.[1];
      return ppid === undefined ? undefined : [pid, Number(ppid)];
    }),
  );
  return rows.filter((row) => row !== undefined);
}

/** The fields of /proc/PID/stat, or of a thread's (proc_pid_stat(5)), from the third on, the state; before it is the name, which may hold anything. */
async function statFields(of: number | string): Promise<string[] | undefined> {
  const stat = await readFile(`/proc/${of}/stat`, "utf8").catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
}

async function psRows(): Promise<Row[]> {
  const run = Bun.spawn(["ps", "-axo", "pid=,ppid="], { stdout: "pipe", stderr: "ignore" });
  const lines = (await run.stdout.text()).trim().split("\n");
  return lines.map((line) => {
    const [pid = 0, ppid = 0] = line.trim().split(/\s+/).map(Number);
    return [pid, ppid];
  });
}
