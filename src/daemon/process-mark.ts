import { readFile } from "node:fs/promises";

/**
 * When the process started, as a text that no later process of the same id has; undefined where there is none. A process id
 * alone may be another program's by now.
 */
export async function processMark(pid: number): Promise<string | undefined> {
  switch (process.platform) {
    case "linux":
      return linuxMark(pid);
    case "win32":
      return printed(["powershell", "-NoProfile", "-Command", `(Get-Process -Id ${pid}).StartTime.Ticks`]);
    default:
      return printed(["ps", "-o", "lstart=", "-p", String(pid)]);
  }
}

/** Start time in clock ticks since boot: field 22 of /proc/PID/stat (proc_pid_stat(5)), after the name, which may hold anything. A zombie has ended. */
async function linuxMark(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields === undefined || fields[0] === "Z" ? undefined : fields[19];
}

async function printed(command: string[]): Promise<string | undefined> {
  const run = Bun.spawn(command, { stdout: "pipe", stderr: "ignore", env: { ...process.env, LC_ALL: "C" } });
  const [text, code] = await Promise.all([run.stdout.text(), run.exited]);
  return code === 0 && text.trim() !== "" ? text.trim() : undefined;
}
