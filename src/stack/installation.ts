import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { allOf } from "./all-of.ts";
import { type Backends, backendFlags } from "./backends.ts";
import { type Links, linkOf, startLinks, throughLinks } from "./links.ts";
import { ProcessStarter } from "./process-starter.ts";
import { type RoleProcess, type ServerRole, startRoles } from "./role-process.ts";
import { type StackDaemon, type StackDaemonOptions, startStackDaemon } from "./stack-daemon.ts";
import { createIssuer, type StackUser, stackUser } from "./stack-user.ts";

export interface InstallationOptions {
  readonly backends: Backends;
  /** Takes keys, logs and the daemons' homes. Made where it is not there; it stays when the installation is closed. */
  readonly folder: string;
  /** The program `reliant`. */
  readonly executable: string;
  readonly apis: number;
  readonly gateways: number;
  readonly workers: number;
  /** Path of the scripted model's file. */
  readonly script: string;
  /** More flags of the workers, as for a provider of models that they are to ask. */
  readonly workerFlags?: readonly string[] | undefined;
  /** Remove the folder when the process that started all this dies without closing it. Default false: the logs stay. */
  readonly temporary?: boolean | undefined;
  /** Of the roles and daemons. Default `info`, the highest that can be waited for. */
  readonly logLevel?: "debug" | "info" | undefined;
  /** Is told what is being started. */
  readonly log?: ((line: string) => void) | undefined;
  /** Ends the wait for the start. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Every server role of `reliant` as processes on this machine, on servers that are there. Each kind of role reaches its
 * servers through a link of its own, daemons reach the gateways and clients the APIs through balancing ones. Closing it
 * kills all that it has started.
 */
export interface Installation extends AsyncDisposable {
  readonly folder: string;
  /** By their place; one that was started again stands where it stood before. */
  readonly apis: RoleProcess[];
  readonly gateways: RoleProcess[];
  readonly workers: RoleProcess[];
  readonly links: Links;
  /** Through the link `client-api`. */
  readonly apiUrl: string;
  /** Through the link `daemon-gateway`. */
  readonly gatewayUrl: string;
  /** Past the links. */
  readonly directApiUrls: readonly string[];
  readonly databaseUrl: string;
  /** A user of this installation alone, whatever else stands on its servers. */
  signUp(name: string): Promise<StackUser>;
  startDaemon(user: StackUser, options: StackDaemonOptions, signal?: AbortSignal): Promise<StackDaemon>;
}

export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const { backends, folder, executable, script, signal, log = () => undefined } = options;
  await using closing = new AsyncDisposableStack();
  const data = join(folder, "data");
  await mkdir(data, { recursive: true });
  const issuer = await createIssuer(folder);
  const links = await startLinks(backends, closing);
  const unique = `stack-${crypto.randomUUID().slice(0, 8)}`;
  const starter = new ProcessStarter({
    ...{ executable, folder },
    env: { LOG_LEVEL: options.logLevel ?? "info", LOG_FORMAT: "text", TEMPORAL_TASK_QUEUE: unique },
    removed: options.temporary === true ? folder : undefined,
  });
  closing.defer(() => starter.end());

  const model = ["--model", `scripted/${script}`];
  const users = ["--jwt-public-key-file", issuer.publicKeyFile, "--disable-tls"];
  const start = async (kind: ServerRole, count: number, own: readonly string[]) => {
    log(`starting ${count} × ${kind}`);
    const flags = [...backendFlags(kind, throughLinks(kind, links, backends)), "--data-dir", data, ...own];
    return startRoles({ kind, count, flags, starter, signal });
  };
  const [apis, gateways, workers] = await allOf([
    start("api", options.apis, [...users, ...model]),
    start("gateway", options.gateways, users),
    start("worker", options.workers, [...model, ...(options.workerFlags ?? [])]),
  ]);

  const portsOf = (roles: readonly RoleProcess[], flag: string) => roles.map(({ ports }) => ports[flag] ?? 0);
  const [clientApi, daemonGateway] = [linkOf(links, "client-api"), linkOf(links, "daemon-gateway")];
  clientApi.setUpstreams(portsOf(apis, "--api-port"));
  daemonGateway.setUpstreams(portsOf(gateways, "--daemon-port"));
  const urlOf = (port: number) => `http://127.0.0.1:${port}`;
  const [apiUrl, gatewayUrl] = [urlOf(clientApi.port), urlOf(daemonGateway.port)];
  const directApiUrls = portsOf(apis, "--api-port").map(urlOf);

  const owned = closing.move();
  return {
    ...{ folder, apis, gateways, workers, links, apiUrl, gatewayUrl, directApiUrls },
    databaseUrl: backends.databaseUrl,
    signUp: async (name) => stackUser(name, await issuer.sign(`${name}-${unique}`), apiUrl, directApiUrls),
    startDaemon: (user, daemon, daemonSignal) =>
      startStackDaemon(starter, user, { ...daemon, gatewayUrl: daemon.gatewayUrl ?? gatewayUrl, folder }, daemonSignal),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
