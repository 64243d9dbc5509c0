import { ReliantError } from "../core/errors.ts";
import { allOf } from "./all-of.ts";
import { freePorts } from "./free-port.ts";
import type { ExitStatus, ManagedProcess } from "./managed-process.ts";
import type { ProcessStarter } from "./process-starter.ts";

export type ServerRole = "api" | "gateway" | "worker";

/** One process of a server role, as it was started. */
export interface RoleProcess {
  /** `api 0`, `worker 1`. */
  readonly name: string;
  readonly kind: ServerRole;
  readonly process: ManagedProcess;
  /** `http://…`, to which `/health` and `/ready` belong. */
  readonly healthUrl: string;
  /** Its ports by their flags: `--api-port`, `--daemon-port`, `--health-port` … */
  readonly ports: Readonly<Record<string, number>>;
  kill9(): Promise<void>;
  pause(): void;
  resume(): void;
  /** SIGTERM, and the end. */
  stop(): Promise<ExitStatus>;
  /**
   * Brings it back, with the same flags and on the same ports, after it has ended; ready when this resolves. What it gives
   * has taken the place of this one in the stack's list. Throws `failed_precondition` while it still runs.
   */
  start(signal?: AbortSignal): Promise<RoleProcess>;
}

const PORT_FLAGS: Readonly<Record<ServerRole, readonly string[]>> = {
  api: ["--api-port", "--grpc-port", "--health-port", "--pprof-port"],
  gateway: ["--daemon-port", "--frontend-port", "--health-port"],
  worker: ["--health-port"],
};

export interface RoleOptions {
  readonly kind: ServerRole;
  readonly count: number;
  /** Beside the ports. */
  readonly flags: readonly string[];
  readonly starter: ProcessStarter;
  readonly signal?: AbortSignal | undefined;
}

/** Starts `count` processes of a role at the same time, each on ports of its own; all are ready when this resolves. */
export async function startRoles(options: RoleOptions): Promise<RoleProcess[]> {
  const list: RoleProcess[] = [];
  const indices = Array.from({ length: options.count }, (_, index) => index);
  list.push(...(await allOf(indices.map((index) => startRole(options, index, list)))));
  return list;
}

async function startRole(options: RoleOptions, index: number, list: RoleProcess[]): Promise<RoleProcess> {
  const { kind, flags, starter } = options;
  const name = `${kind} ${index}`;
  const numbers = await freePorts(PORT_FLAGS[kind].length);
  const ports = Object.fromEntries(PORT_FLAGS[kind].map((flag, at) => [flag, numbers[at] ?? 0]));
  const portFlags = Object.entries(ports).flatMap(([flag, port]) => [flag, String(port)]);
  const healthUrl = `http://127.0.0.1:${ports["--health-port"]}`;
  const launch = async (signal: AbortSignal | undefined): Promise<RoleProcess> => {
    const process = await starter.start({ args: ["server", kind, ...portFlags, ...flags], name });
    await process.killedUnless(process.awaitReady(`${healthUrl}/ready`, undefined, signal));
    return {
      ...{ name, kind, process, healthUrl, ports },
      kill9: () => process.kill9(),
      pause: () => process.pause(),
      resume: () => process.resume(),
      stop: () => process.stop(),
      start: async (startSignal) => {
        if (process.isRunning) {
          throw new ReliantError("failed_precondition", `start ${name}: process ${process.pid} still runs`);
        }
        const fresh = await launch(startSignal);
        list[index] = fresh;
        return fresh;
      },
    };
  };
  return launch(options.signal);
}
