import { tmpdir } from "node:os";
import { join } from "node:path";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { childrenOf, signalProcess } from "./child-processes.ts";
import { ManagedProcess } from "./managed-process.ts";

export interface StarterOptions {
  /** The program `reliant`. */
  readonly executable: string;
  /** Takes the logs, in `logs/`; the working folder and HOME of what is started. */
  readonly folder: string;
  /** Beside PATH, HOME and TMPDIR: nothing else comes from our own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** A folder that is removed when we die without ending the processes. */
  readonly removed?: string | undefined;
  /** Characters of each output stream that are kept in memory. Default `TRIAL_LIMITS.stackRoleCharacters`. */
  readonly keptCharacters?: number | undefined;
}

export interface StartOptions {
  /** What comes after `reliant`. */
  readonly args: readonly string[];
  /** For messages; its log is named after it. */
  readonly name: string;
  /** Put before the program. It must exec the rest, so that the process is the program's. */
  readonly wrap?: readonly string[] | undefined;
  /** Default: the starter's folder. */
  readonly home?: string | undefined;
  readonly stdin?: string | undefined;
}

/** Starts processes of `reliant`, and ends them all. */
export class ProcessStarter {
  private started: ManagedProcess[] = [];

  constructor(private readonly options: StarterOptions) {}

  async start(start: StartOptions): Promise<ManagedProcess> {
    const { executable, folder, env, removed, keptCharacters = TRIAL_LIMITS.stackRoleCharacters } = this.options;
    const home = start.home ?? folder;
    const process = await ManagedProcess.start({
      name: start.name,
      command: [...(start.wrap ?? []), executable, ...start.args],
      env: { PATH: globalThis.process.env.PATH ?? "", HOME: home, TMPDIR: tmpdir(), ...env },
      cwd: home,
      stdin: start.stdin,
      folder: removed,
      logFile: join(folder, "logs", `${start.name.replaceAll(" ", "-")}.log`),
      keptCharacters,
    });
    this.started = [...this.started.filter(({ isRunning }) => isRunning), process];
    return process;
  }

  /** SIGKILL to all that still run, and to the process groups of their children: the tools that a daemon runs. */
  async end(): Promise<void> {
    await Promise.all(
      this.started.map(async (process) => {
        const children = process.isRunning ? await childrenOf(process.pid) : [];
        await process.kill9();
        for (const child of children) signalProcess(-child, "SIGKILL");
      }),
    );
  }
}
