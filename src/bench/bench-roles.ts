import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mintToken } from "../auth/personal-access-token.ts";
import { ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { freePorts } from "../stack/free-port.ts";
import type { ManagedProcess } from "../stack/managed-process.ts";
import type { BenchUser, Installation } from "./installation.ts";

export interface StartedRole {
  readonly process: ManagedProcess;
  /** Its main port: of clients for an API, of daemons for a gateway. */
  readonly url: string;
  readonly healthUrl: string;
  /** Of its debug server, where it has one. */
  readonly debugUrl: string | undefined;
}

export interface StartedDaemon {
  readonly process: ManagedProcess;
  readonly id: string;
  /** Its project: one tiny file, `note.txt`. */
  readonly root: string;
  /** From its start until it was connected. */
  readonly connectedAfterMs: number;
}

/** Pause between two looks at what is timed: small beside it. */
const LOOK_MS = 2;

/** What one of the servers is started with. Where `databaseUrl` is not given it is the installation's. */
export interface RoleOptions {
  readonly flags?: readonly string[];
  readonly databaseUrl?: string;
}

const PORTS = {
  api: ["--api-port", "--grpc-port", "--pprof-port"],
  gateway: ["--daemon-port", "--frontend-port"],
  worker: [],
} as const;

/** Starts one server of the installation; ready when this resolves. */
export async function startRole(
  installation: Installation,
  kind: "api" | "gateway" | "worker",
  options: RoleOptions = {},
): Promise<StartedRole> {
  const flags: readonly string[] = PORTS[kind];
  const [health = 0, ...others] = await freePorts(flags.length + 1);
  const ports = flags.flatMap((flag, index) => [flag, String(others[index])]);
  const process = await installation.spawn([
    ...["server", kind, ...ports, "--health-port", String(health), "--log-level", "warning"],
    ...backendFlags(installation, options.databaseUrl ?? installation.databaseUrl),
    ...(kind === "gateway" ? [] : temporalFlags(installation)),
    ...(kind === "worker" ? [] : ["--disable-tls", "--jwt-public-key-file", installation.keyFile]),
    ...(options.flags ?? []),
  ]);
  const healthUrl = `http://127.0.0.1:${health}`;
  await process.awaitReady(`${healthUrl}/ready`, TRIAL_LIMITS.stackReadyMs, installation.world.signal);
  const debugPort = others[flags.indexOf("--pprof-port")];
  return {
    process,
    url: `http://127.0.0.1:${others[0] ?? health}`,
    healthUrl,
    debugUrl: debugPort === undefined ? undefined : `http://127.0.0.1:${debugPort}`,
  };
}

/** Flags of every server: where the database and NATS are. */
export function backendFlags({ natsUrl, folder }: Installation, databaseUrl: string): string[] {
  return ["--db-url", databaseUrl, "--nats-url", natsUrl, "--data-dir", join(folder, "data")];
}

export function temporalFlags({ temporal }: Installation): string[] {
  if (temporal === undefined) throw new ReliantError("internal", "start a role: this installation has no Temporal");
  const { host, port, namespace, taskQueue } = temporal;
  return [
    ...["--temporal-host", host, "--temporal-port", String(port)],
    ...["--temporal-namespace", namespace, "--temporal-task-queue", taskQueue],
  ];
}

/** A daemon with a token of its own, connected. */
export async function startDaemon(
  installation: Installation,
  gateway: StartedRole,
  user: BenchUser,
): Promise<StartedDaemon> {
  const { store, world } = installation;
  const name = newId("dmn");
  const home = join(installation.folder, name);
  const root = join(home, "project");
  await mkdir(root, { recursive: true });
  await writeFile(join(root, "note.txt"), "hello\n");
  const { secret, prefix, hash } = mintToken();
  await store.tokens.create({ id: newId("tok"), userId: user.id, name: "bench", scope: "daemon", prefix, hash });
  const startedMs = performance.now();
  const process = await installation.spawn(
    ["daemon", "start", "--gateway", gateway.url, "--token", "-", "--name", name, "--data-dir", join(home, "data")],
    { stdin: secret },
  );
  await lookOften(world, process, () => /\bconnected epoch=/.test(process.stderr));
  const connectedAfterMs = performance.now() - startedMs;
  const daemon = (await store.daemons.list(user.id)).find((row) => row.name === name);
  if (daemon?.connected !== true) {
    throw new ReliantError("internal", "start a daemon: it says that it is connected, the store does not");
  }
  return { process, id: daemon.id, root, connectedAfterMs };
}

/** Waits for what is timed. Throws where the process ends before, or after the bound. */
export async function lookOften(
  { clock, signal }: Installation["world"],
  process: ManagedProcess,
  look: () => boolean | Promise<boolean>,
): Promise<void> {
  const giveUpMs = performance.now() + TRIAL_LIMITS.stackReadyMs;
  while (!(await look())) {
    if (!process.isRunning || performance.now() > giveUpMs) {
      throw new ReliantError(
        "deadline_exceeded",
        `time a start: what was waited for did not come\n${process.newestOutput()}`,
      );
    }
    await clock.sleep(LOOK_MS, signal);
  }
}
