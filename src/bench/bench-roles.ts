import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mintToken } from "../auth/personal-access-token.ts";
import { ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { backendFlags } from "../stack/backends.ts";
import type { ManagedProcess } from "../stack/managed-process.ts";
import { type ServerRole, startRoles } from "../stack/role-process.ts";
import { startStackDaemon } from "../stack/stack-daemon.ts";
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
}

/** What one of the servers is started with. Where `databaseUrl` is not given it is the installation's. */
export interface RoleOptions {
  readonly flags?: readonly string[];
  readonly databaseUrl?: string;
}

const MAIN_PORT = { api: "--api-port", gateway: "--daemon-port", worker: "--health-port" } as const;

/** Starts one server of the installation; ready when this resolves. */
export async function startRole(
  installation: Installation,
  kind: ServerRole,
  options: RoleOptions = {},
): Promise<StartedRole> {
  const { starter, keyFile, folder, databaseUrl, world } = installation;
  const flags = [
    ...backendFlags(kind, { ...installation, databaseUrl: options.databaseUrl ?? databaseUrl }),
    ...["--data-dir", join(folder, "data"), "--log-level", "warning"],
    ...(kind === "worker" ? [] : ["--disable-tls", "--jwt-public-key-file", keyFile]),
    ...(options.flags ?? []),
  ];
  const [role] = await startRoles({ kind, count: 1, flags, starter, signal: world.signal });
  if (role === undefined) throw new ReliantError("internal", `start ${kind}: none was started`);
  const urlOf = (flag: string) => {
    const port = role.ports[flag];
    return port === undefined ? undefined : `http://127.0.0.1:${port}`;
  };
  const { process, healthUrl } = role;
  return { process, healthUrl, url: urlOf(MAIN_PORT[kind]) ?? healthUrl, debugUrl: urlOf("--pprof-port") };
}

/** A daemon with a token of its own, connected. */
export async function startDaemon(
  { starter, folder, store, world }: Installation,
  gateway: StartedRole,
  user: BenchUser,
): Promise<StartedDaemon> {
  const newDaemonToken = () => daemonToken(store, user);
  const options = { name: newId("dmn"), gatewayUrl: gateway.url, folder };
  const { process, id, root } = await startStackDaemon(starter, { newDaemonToken }, options, world.signal);
  await writeFile(join(root, "note.txt"), "hello\n");
  return { process, id, root };
}

export async function daemonToken(
  { tokens }: Pick<Installation["store"], "tokens">,
  user: BenchUser,
): Promise<{ readonly id: string; readonly secret: string }> {
  const { secret, prefix, hash } = mintToken();
  const id = newId("tok");
  await tokens.create({ id, userId: user.id, name: "bench", scope: "daemon", prefix, hash });
  return { id, secret };
}
