import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ReliantError } from "../core/errors.ts";
import { readStatus } from "../daemon/status-file.ts";
import type { ExitStatus, ManagedProcess } from "./managed-process.ts";
import type { ProcessStarter } from "./process-starter.ts";
import type { StackUser } from "./stack-user.ts";

export interface StackDaemonOptions {
  /** Not yet that of another daemon of the stack. */
  readonly name: string;
  /** Default: through the stack's link `daemon-gateway`. */
  readonly gatewayUrl?: string | undefined;
  /** Default: a new one in the stack's folder. A copy of another daemon's presents the same identity. */
  readonly dataDir?: string | undefined;
  /** The data folder as we see it, where `wrap` gives the daemon a file system of its own. Default: the same. */
  readonly seenDataDir?: string | undefined;
  /** Put before its command: `["prlimit", "--nofile=64"]`. It must exec the rest. */
  readonly wrap?: readonly string[] | undefined;
  /** More flags of `reliant daemon start`. */
  readonly flags?: readonly string[] | undefined;
}

/** A daemon of a stack. */
export interface StackDaemon {
  readonly id: string;
  readonly name: string;
  /** The newest process. */
  readonly process: ManagedProcess;
  /** The folder that is its machine's project. */
  readonly root: string;
  readonly dataDir: string;
  kill9(): Promise<void>;
  pause(): void;
  resume(): void;
  /** SIGTERM, and the end. */
  stop(): Promise<ExitStatus>;
  /**
   * Starts it again, with the same flags, token and data folder, after it has ended; connected when this resolves. Throws
   * `failed_precondition` while it still runs.
   */
  restart(signal?: AbortSignal): Promise<void>;
}

/** A daemon with a token of its own, connected when this resolves. */
export async function startStackDaemon(
  starter: ProcessStarter,
  user: Pick<StackUser, "newDaemonToken">,
  options: StackDaemonOptions & { readonly folder: string; readonly gatewayUrl: string },
  signal?: AbortSignal,
): Promise<StackDaemon> {
  const { name, wrap, flags = [], folder, gatewayUrl } = options;
  const home = join(folder, `daemon-${name}`);
  const root = join(home, "project");
  const dataDir = options.dataDir ?? join(home, "data");
  await mkdir(root, { recursive: true });
  const { secret } = await user.newDaemonToken();
  const args = ["daemon", "start", "--gateway", gatewayUrl, "--token", "-", "--name", name, "--data-dir", dataDir];
  const launch = async (launchSignal: AbortSignal | undefined) => {
    const command = { args: [...args, ...flags], name: `daemon ${name}`, wrap, home, stdin: secret };
    const started = await starter.start(command);
    await started.killedUnless(started.awaitOutput(/\bconnected epoch=/, undefined, launchSignal));
    return started;
  };
  let process = await launch(signal);
  const id = await process.awaitThat(
    `its id in ${dataDir}`,
    async () => {
      const link = (await readStatus(join(options.seenDataDir ?? dataDir, "status.json"), process.pid))?.link;
      return link?.kind === "connected" ? link.daemonId : undefined;
    },
    undefined,
    signal,
  );
  return {
    ...{ id, name, root, dataDir },
    get process() {
      return process;
    },
    kill9: () => process.kill9(),
    pause: () => process.pause(),
    resume: () => process.resume(),
    stop: () => process.stop(),
    restart: async (restartSignal) => {
      if (process.isRunning) {
        throw new ReliantError("failed_precondition", `start daemon ${name}: process ${process.pid} still runs`);
      }
      process = await launch(restartSignal);
    },
  };
}
