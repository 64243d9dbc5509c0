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

/** Takes all free file descriptors from a running process; what this gives, gives them back. */
export async function takeDescriptors(pid: number): Promise<() => Promise<void>> {
  const before = (await prlimit(pid, ["--noheadings", "--raw", "--output=SOFT"])).trim();
  await prlimit(pid, [`--nofile=${NONE_FREE}:`]);
  return async () => {
    await prlimit(pid, [`--nofile=${before}:`]);
  };
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
