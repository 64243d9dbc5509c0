import { type ChildProcess, spawn } from "node:child_process";
import { BOUNDS } from "./bounds.ts";
import { eventually } from "./eventually.ts";
import { leash } from "./leash.ts";

export interface ChildOptions {
  readonly command: readonly string[];
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** What to write to standard input, which is closed after it; default nothing. */
  readonly stdin?: string;
  /** Run as another user: for Postgres, which refuses root. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Removed by the leash when this process dies without cleaning up. */
  readonly folder?: string;
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Characters of each output stream that are kept; of more, the newest. */
const KEPT_OUTPUT = 4 * 1024 * 1024;

/**
 * A program in a process group of its own, with verbs for faults. When the process that started it dies, however it
 * dies, the leash kills the group: no test leaves a server behind.
 */
export class TestProcess {
  readonly pid: number;
  readonly exited: Promise<ExitStatus>;
  private status: ExitStatus | undefined;
  private out = "";
  private err = "";

  private constructor(
    private readonly child: ChildProcess,
    pid: number,
    private readonly name: string,
    folder: string | undefined,
  ) {
    this.pid = pid;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.out = (this.out + text).slice(-KEPT_OUTPUT);
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.err = (this.err + text).slice(-KEPT_OUTPUT);
    });
    const release = leash(pid, folder);
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.status = { code, signal };
        release();
        resolve(this.status);
      });
    });
  }

  /** Starts the program. Throws where it cannot be started at all. */
  static async start(options: ChildOptions): Promise<TestProcess> {
    const [program = "", ...args] = options.command;
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...options.env },
      stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      detached: true,
      ...(options.user ?? {}),
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (cause) => reject(new Error(`start ${program}: ${cause.message}`, { cause })));
    });
    if (child.pid === undefined) throw new Error(`start ${program}: no process id`);
    child.stdin?.end(options.stdin);
    return new TestProcess(child, child.pid, program.split("/").at(-1) ?? program, options.folder);
  }

  get stdout(): string {
    return this.out;
  }

  get stderr(): string {
    return this.err;
  }

  get isRunning(): boolean {
    return this.status === undefined;
  }

  /** Waits until standard output and error together match. Throws when the process ends before, or after the bound. */
  async awaitOutput(pattern: RegExp, timeoutMs: number = BOUNDS.readyMs): Promise<RegExpExecArray> {
    return this.awaitThat(`output ${pattern}`, () => pattern.exec(`${this.out}\n${this.err}`) ?? undefined, timeoutMs);
  }

  /** Waits until the address answers with a 2xx status. */
  async awaitReady(url: string, timeoutMs: number = BOUNDS.readyMs): Promise<void> {
    const answers = async () => (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok;
    await this.awaitThat(`${url} to answer`, answers, timeoutMs);
  }

  /** Waits until `look` gives something; the error carries the newest output of the process. */
  async awaitThat<T>(
    what: string,
    look: () => T | undefined | false | Promise<T | undefined | false>,
    timeoutMs: number = BOUNDS.readyMs,
  ): Promise<T> {
    const giveUp = () => (this.status === undefined ? undefined : `${this.name} has ended (${describe(this.status)})`);
    try {
      return await eventually(`${this.name}: ${what}`, look, { timeoutMs, giveUp });
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.newestOutput()}`, { cause: error });
    }
  }

  /** Freezes the whole group: it holds its sockets and locks, and does nothing. */
  pause(): void {
    this.signal("SIGSTOP");
  }

  resume(): void {
    this.signal("SIGCONT");
  }

  /** SIGKILL to the whole group. */
  async kill9(): Promise<void> {
    this.signal("SIGKILL");
    await this.awaitExit(BOUNDS.killMs);
  }

  /** Sends the signal to the group and waits for the end; throws where it does not come. An ended process is fine. */
  async stop(signal: NodeJS.Signals = "SIGTERM", timeoutMs: number = BOUNDS.stopMs): Promise<ExitStatus> {
    this.signal(signal);
    return this.awaitExit(timeoutMs);
  }

  /** SIGTERM to the process alone, and exit code 0 within the bound: what each of our roles owes. */
  async stopCleanly(timeoutMs: number = BOUNDS.stopMs): Promise<void> {
    if (this.status === undefined) process.kill(this.pid, "SIGTERM");
    const status = await this.awaitExit(timeoutMs);
    if (status.code !== 0) throw new Error(`stop ${this.name}: ended with ${describe(status)}\n${this.newestOutput()}`);
  }

  /** Waits for the end of the process; after the bound it is killed, and this throws. */
  async awaitExit(timeoutMs: number = BOUNDS.stopMs): Promise<ExitStatus> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), timeoutMs);
    });
    const status = await Promise.race([this.exited, late]);
    clearTimeout(timer);
    if (status !== undefined) return status;
    this.signal("SIGKILL");
    throw new Error(`wait for the end of ${this.name}: not within ${timeoutMs} ms, killed\n${this.newestOutput()}`);
  }

  /** The last lines of both streams, for the message of a failure. */
  newestOutput(): string {
    const last = (text: string) => text.trimEnd().split("\n").slice(-30).join("\n");
    return `--- ${this.name} ${this.child.spawnargs.slice(1).join(" ")}\n--- stdout\n${last(this.out)}\n--- stderr\n${last(this.err)}`;
  }

  private signal(signal: NodeJS.Signals): void {
    if (this.status !== undefined) return;
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}

export function describe(status: ExitStatus): string {
  return status.signal === null ? `exit code ${status.code}` : status.signal;
}
