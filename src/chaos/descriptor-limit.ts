import { messageOf, ReliantError } from "../core/errors.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";

/** Below every number that a running process has free: it can open nothing more, and keeps what it has. */
const NONE_FREE = 3;

/** Why no limit can be set here; undefined where it can. */
export async function whyNoPrlimit(): Promise<string | undefined> {
  if (Bun.which("prlimit") === null) return "there is no prlimit on PATH (util-linux)";
  try {
    await prlimit(process.pid, []);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Takes all free file descriptors from a running process; what this gives, gives them back. Throws `failed_precondition`
 * where the limit is not in force then.
 */
export async function takeDescriptors(pid: number): Promise<() => Promise<void>> {
  const before = (await prlimit(pid, ["--noheadings", "--raw", "--output=SOFT"])).trim();
  await prlimit(pid, [`--nofile=${NONE_FREE}:`]);
  const giveBack = async () => {
    await prlimit(pid, [`--nofile=${before}:`]);
  };
  try {
    await checkLimit(pid, NONE_FREE);
  } catch (error) {
    await giveBack();
    throw error;
  }
  return giveBack;
}

/** Reads back what the kernel holds the process to. Throws `failed_precondition` where it is another number. */
export async function checkLimit(pid: number, descriptors: number): Promise<void> {
  const limits = await Bun.file(`/proc/${pid}/limits`).text();
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  if (soft === String(descriptors)) return;
  throw new ReliantError(
    "failed_precondition",
    `take the file descriptors of process ${pid}: it did not take: its limit is ${soft ?? "not told"}, not ${descriptors}`,
  );
}

async function prlimit(pid: number, flags: readonly string[]): Promise<string> {
  const own = flags.some((flag) => flag.startsWith("--nofile")) ? flags : ["--nofile", ...flags];
  const run = Bun.spawn(["prlimit", `--pid=${pid}`, ...own], {
    stdout: "pipe",
    stderr: "pipe",
    timeout: TRIAL_LIMITS.chaosRequestMs,
  });
  const [text, errors, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  if (code === 0) return text;
  throw new ReliantError("failed_precondition", `prlimit ${own.join(" ")}: ${errors.trim() || `exit code ${code}`}`);
}
