import { type ChildProcess, spawn } from "node:child_process";
import { type Clock, systemClock } from "../core/clock.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { within } from "../core/within.ts";
import { LogFile } from "../daemon/log-file.ts";
import { leash } from "./leash.ts";
import { OutputTail } from "./output-tail.ts";
import { pollUntil } from "./poll-until.ts";

export interface ProcessOptions {
  readonly command: readonly string[];
  /** For messages. Default: the program's. */
  readonly name?: string | undefined;
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** What to write to standard input, which is closed after it; default nothing. */
  readonly stdin?: string | undefined;
  /** Run as another user: for Postgres, which refuses root. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** Removed by the leash when the process that started this one dies without cleaning up. */
  readonly folder?: string | undefined;
  /** A file that takes both output streams as well, bounded (`TRIAL_LIMITS.stackLogFileBytes`, older ones beside it). */
  readonly logFile?: string | undefined;
  /** Characters of each output stream that are kept in memory. Default `TRIAL_LIMITS.stackOutputCharacters`. */
  readonly keptCharacters?: number | undefined;
  readonly clock?: Clock | undefined;
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * A program in a process group of its own, with verbs for faults. When the process that started it dies, however it
 * dies, the leash kills the group: nothing is left behind. Not for Windows, which has neither groups nor these signals.
 */
export class ManagedProcess {
  readonly exited: Promise<ExitStatus>;
  private status: ExitStatus | undefined;
  private readonly name: string;
  private readonly out: OutputTail;
  private readonly err: OutputTail;
  private readonly clock: Clock;

  private constructor(
    private readonly child: ChildProcess,
    readonly pid: number,
    options: ProcessOptions,
  ) {
    const kept = options.keptCharacters ?? TRIAL_LIMITS.stackOutputCharacters;
    this.name = options.name ?? options.command[0]?.split("/").at(-1) ?? "";
    this.clock = options.clock ?? systemClock;
    this.out = new OutputTail(kept);
    this.err = new OutputTail(kept);
    const log =
      options.logFile === undefined ? undefined : LogFile.open(options.logFile, TRIAL_LIMITS.stackLogFileBytes);
    for (const [stream, tail] of [[child.stdout, this.out] as const, [child.stderr, this.err] as const]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        tail.add(text);
        log?.append(text);
      });
    }
    const release = leash(pid, options.folder);
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.status = { code, signal };
        log?.close();
        release();
        resolve(this.status);
      });
    });
  }

  /** Starts the program. Throws `failed_precondition` where it cannot be started at all. */
  static async start(options: ProcessOptions): Promise<ManagedProcess> {
    const [program = "", ...args] = options.command;
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...options.env },
      stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      detached: true,
      ...(options.user ?? {}),
    });
    const refused = (why: unknown) =>
      new ReliantError("failed_precondition", `start ${program}: ${messageOf(why)}`, { cause: why });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (cause) => reject(refused(cause)));
    });
    if (child.pid === undefined) throw refused("no process id");
    // It may end, or close its input, before it has read all of it.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.stdin);
    return new ManagedProcess(child, child.pid, options);
  }

  get stdout(): string {
    return this.out.text();
  }

  get stderr(): string {
    return this.err.text();
  }

  get isRunning(): boolean {
    return this.status === undefined;
  }

  /** Waits until standard output and error together match. Throws when the process ends before, or after the bound. */
  awaitOutput(pattern: RegExp, timeoutMs?: number, signal?: AbortSignal): Promise<RegExpExecArray> {
    const look = () => pattern.exec(`${this.stdout}\n${this.stderr}`) ?? undefined;
    return this.awaitThat(`output ${pattern}`, look, timeoutMs, signal);
  }

  /** Waits until the address answers with a 2xx status. */
  async awaitReady(url: string, timeoutMs?: number, signal?: AbortSignal): Promise<void> {
    const answers = async () => (await fetch(url, { signal: AbortSignal.timeout(TRIAL_LIMITS.stackLookMs) })).ok;
    await this.awaitThat(`${url} to answer`, answers, timeoutMs, signal);
  }

  /** Waits until `look` gives something, by default up to `TRIAL_LIMITS.stackReadyMs`; the error carries the newest output of the process. */
  async awaitThat<T>(
    what: string,
    look: () => T | undefined | false | Promise<T | undefined | false>,
    timeoutMs?: number,
    signal?: AbortSignal,
  ): Promise<T> {
    const giveUp = () => (this.status === undefined ? undefined : `${this.name} has ended (${describe(this.status)})`);
    try {
      return await pollUntil(`${this.name}: ${what}`, look, { timeoutMs, giveUp, signal, clock: this.clock });
    } catch (error) {
      signal?.throwIfAborted();
      throw this.failure("deadline_exceeded", messageOf(error), error);
    }
  }

  /** What `ready` gives; where it fails, the process is killed first: nothing is left of a start that failed. */
  async killedUnless<T>(ready: Promise<T>): Promise<T> {
    try {
      return await ready;
    } catch (error) {
      await this.kill9();
      throw error;
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
    await this.awaitExit(TRIAL_LIMITS.stackKillMs);
  }

  /** Sends the signal to the group and waits for the end; throws where it does not come. An ended process is fine. */
  async stop(signal: NodeJS.Signals = "SIGTERM", timeoutMs?: number): Promise<ExitStatus> {
    this.signal(signal);
    return this.awaitExit(timeoutMs);
  }

  /** SIGTERM to the process alone, and exit code 0 within the bound: what each of our roles owes. */
  async stopCleanly(timeoutMs?: number): Promise<void> {
    if (this.status === undefined) process.kill(this.pid, "SIGTERM");
    const status = await this.awaitExit(timeoutMs);
    if (status.code !== 0) throw this.failure("internal", `stop ${this.name}: ended with ${describe(status)}`);
  }

  /** Waits for the end of the process, by default up to `TRIAL_LIMITS.stackStopMs`; after the bound it is killed, and this throws. */
  async awaitExit(timeoutMs: number = TRIAL_LIMITS.stackStopMs): Promise<ExitStatus> {
    const act = `wait for the end of ${this.name}`;
    try {
      return await within(this.exited, { ms: timeoutMs, act, clock: this.clock });
    } catch (error) {
      this.signal("SIGKILL");
      throw this.failure("deadline_exceeded", `${act}: not within ${timeoutMs} ms, killed`, error);
    }
  }

  /** The last lines of both streams, for the message of a failure. */
  newestOutput(): string {
    const [out, err] = [this.out, this.err].map((tail) => tail.lastLines(TRIAL_LIMITS.stackOutputLines));
    return `--- ${this.name} ${this.child.spawnargs.slice(1).join(" ")}\n--- stdout\n${out}\n--- stderr\n${err}`;
  }

  private failure(code: "deadline_exceeded" | "internal", message: string, cause?: unknown): ReliantError {
    return new ReliantError(code, `${message}\n${this.newestOutput()}`, { cause });
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

function describe(status: ExitStatus): string {
  return status.signal === null ? `exit code ${status.code}` : status.signal;
}
