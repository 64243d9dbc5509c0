import { messageOf } from "../core/errors.ts";
import type { LocalStack } from "../stack/local-stack.ts";
import type { RoleProcess } from "../stack/role-process.ts";
import type { StackDaemon } from "../stack/stack-daemon.ts";
import { whyNoPrlimit } from "./descriptor-limit.ts";
import type { RoleKind } from "./faults.ts";
import { openSmallDisk, type SmallDisk } from "./small-disk.ts";
import type { ChaosDaemon, Target, Victim } from "./target.ts";

/** The stack that chaos started: a user of its own, so many daemons, and all faults. */
export async function localTarget(stack: LocalStack, daemons: number, cleanup: AsyncDisposableStack): Promise<Target> {
  const user = await stack.signUp("chaos");
  const [disk, noPrlimit] = await Promise.all([trySmallDisk(stack.folder), whyNoPrlimit()]);
  if ("path" in disk) cleanup.use(disk);
  const own: ChaosDaemon[] = [];
  for (let index = 0; index < daemons; index++) {
    // One of them lives on the small disk.
    const small = index === 0 && "path" in disk ? disk : undefined;
    const daemon = await stack.startDaemon(user, { name: `laptop-${index}`, ...smallDaemon(small) });
    own.push(daemonVictim(daemon, small));
  }
  const roles: Readonly<Record<Exclude<RoleKind, "daemon">, readonly RoleProcess[]>> = {
    api: stack.apis,
    worker: stack.workers,
    gateway: stack.gateways,
  };
  const victims = Object.fromEntries(
    Object.entries(roles).map(([role, processes]) => [role, processes.map((_, index) => roleVictim(processes, index))]),
  );
  return {
    name: "a local stack",
    apiUrl: stack.apiUrl,
    api: user.api,
    model: "",
    means: { wholeStack: true, noSmallDisk: "why" in disk ? disk.why : undefined, noPrlimit, noProxies: undefined },
    daemons: own,
    victims: (role) => (role === "daemon" ? own : (victims[role] ?? [])),
    server: (name) => stack[name],
    link: (name) => stack.links.get(name),
  };
}

/** The disk, or why there is none. */
export async function trySmallDisk(folder: string): Promise<SmallDisk | { readonly why: string }> {
  try {
    return await openSmallDisk(folder);
  } catch (error) {
    return { why: messageOf(error) };
  }
}

/** What has a daemon live on the small disk. */
export function smallDaemon(disk: SmallDisk | undefined) {
  return disk === undefined ? {} : { dataDir: disk.path, seenDataDir: disk.seenPath, wrap: disk.wrap };
}

export function daemonVictim(daemon: StackDaemon, disk: SmallDisk | undefined): ChaosDaemon {
  return {
    ...{ id: daemon.id, name: daemon.name, root: daemon.root, disk },
    get pid() {
      return daemon.process.pid;
    },
    get isRunning() {
      return daemon.process.isRunning;
    },
    kill9: () => daemon.kill9(),
    pause: () => daemon.pause(),
    resume: () => daemon.resume(),
    terminate: async () => {
      await daemon.stop();
    },
    start: async () => {
      if (!daemon.process.isRunning) await daemon.restart();
    },
    newestOutput: () => daemon.process.newestOutput(),
  };
}

/** A role's process that is started again takes its place in the stack's list: whoever looks, looks there. */
function roleVictim(processes: readonly RoleProcess[], index: number): Victim {
  const now = () => {
    const found = processes[index];
    if (found === undefined) throw new RangeError(`there is no process ${index}`);
    return found;
  };
  return {
    name: now().name,
    get pid() {
      return now().process.pid;
    },
    get isRunning() {
      return now().process.isRunning;
    },
    kill9: () => now().kill9(),
    pause: () => now().pause(),
    resume: () => now().resume(),
    terminate: async () => {
      await now().stop();
    },
    start: async () => {
      if (!now().process.isRunning) await now().start();
    },
    newestOutput: () => now().process.newestOutput(),
  };
}
