import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { exportSPKI, generateKeyPair, SignJWT } from "jose";
import { ChatService } from "../../src/gen/reliant/v1/chat_pb.ts";
import { DaemonAdminService } from "../../src/gen/reliant/v1/daemon_admin_pb.ts";
import { ProjectService } from "../../src/gen/reliant/v1/project_pb.ts";
import { TokenScope, TokenService } from "../../src/gen/reliant/v1/token_pb.ts";
import { StreamingService } from "../../src/gen/reliant/v1/update_pb.ts";
import { eventually } from "./eventually.ts";
import { builtExecutable } from "./executable.ts";
import { freePorts } from "./free-port.ts";
import { sharedNats } from "./nats-server.ts";
import { sharedPostgres } from "./postgres-server.ts";
import { startTcpBalancer, type TcpBalancer } from "./tcp-balancer.ts";
import { tempFolder } from "./temp-folder.ts";
import { sharedTemporal } from "./temporal-server.ts";
import { TestProcess } from "./test-process.ts";

/** One process of a role, as it was started; `start` brings it back with the same flags after it has ended. */
export interface RoleProcess {
  readonly name: string;
  readonly process: TestProcess;
  readonly healthUrl: string;
  readonly ports: Readonly<Record<string, number>>;
  start(): Promise<RoleProcess>;
}

export interface ApiClients {
  readonly chats: Client<typeof ChatService>;
  readonly projects: Client<typeof ProjectService>;
  readonly tokens: Client<typeof TokenService>;
  readonly daemons: Client<typeof DaemonAdminService>;
  readonly updates: Client<typeof StreamingService>;
}

export interface TestUser {
  readonly name: string;
  readonly jwt: string;
  /** Through the balancer: each connection to whichever replica is next. */
  readonly api: ApiClients;
  /** To one replica. */
  apiAt(index: number): ApiClients;
  newDaemonToken(): Promise<{ readonly id: string; readonly secret: string }>;
}

/** An installation on this machine: real servers, and every role as the compiled executable. */
export interface Cluster extends AsyncDisposable {
  readonly folder: string;
  readonly executable: string;
  readonly apis: RoleProcess[];
  readonly gateways: RoleProcess[];
  readonly workers: RoleProcess[];
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  readonly gatewayBalancer: TcpBalancer;
  readonly databaseUrl: string;
  signUp(name: string): Promise<TestUser>;
  /** A daemon that is online when this resolves. `gateway`: connect there instead of through the balancer. */
  startDaemon(user: TestUser, options: { readonly name: string; readonly gateway?: RoleProcess }): Promise<TestDaemon>;
  stop(): Promise<void>;
}

export interface TestDaemon {
  readonly id: string;
  readonly process: TestProcess;
  /** The folder that is its machine's project. */
  readonly root: string;
}

const CLEAN_ENV = { PATH: process.env.PATH ?? "", LOG_LEVEL: "debug", LOG_FORMAT: "text" };

export async function startCluster(size: {
  readonly apis: number;
  readonly gateways: number;
  readonly workers: number;
  /** Path of the scripted model's file. */
  readonly script: string;
}): Promise<Cluster> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await tempFolder("cluster"));
  const nats = cleanup.use(await sharedNats());
  const temporal = cleanup.use(await sharedTemporal());
  const postgres = cleanup.use(await sharedPostgres());
  const database = cleanup.use(await postgres.freshDatabase("cluster"));
  const executable = await builtExecutable();
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  const keyFile = join(folder.path, "issuer.pem");
  await Bun.write(keyFile, await exportSPKI(publicKey));

  const namespace = temporal.namespace;
  const shared = ["--db-url", database.url, "--nats-url", nats.url, "--data-dir", join(folder.path, "data")];
  const temporalFlags = [
    ...["--temporal-host", temporal.host, "--temporal-port", String(temporal.port)],
    ...["--temporal-namespace", namespace],
  ];
  const model = ["--model", `scripted/${size.script}`];
  const users = ["--jwt-public-key-file", keyFile, "--disable-tls"];
  const prefix = `q${crypto.randomUUID().slice(0, 8)}`;
  const env = { ...CLEAN_ENV, HOME: folder.path, TEMPORAL_TASK_QUEUE: prefix };

  const start = async (name: string, kind: string, portFlags: readonly string[], flags: readonly string[]) => {
    const numbers = await freePorts(portFlags.length);
    const ports = Object.fromEntries(portFlags.map((flag, index) => [flag, numbers[index] ?? 0]));
    const portArgs = Object.entries(ports).flatMap(([flag, port]) => [flag, String(port)]);
    const healthUrl = `http://127.0.0.1:${ports["--health-port"]}`;
    const launch = async (): Promise<RoleProcess> => {
      const process = await TestProcess.start({
        command: [executable, "server", kind, ...portArgs, ...flags],
        env,
        cwd: folder.path,
      });
      cleanupProcesses.push(process);
      await process.awaitReady(`${healthUrl}/ready`);
      return { name, process, healthUrl, ports, start: launch };
    };
    return launch();
  };
  const cleanupProcesses: TestProcess[] = [];
  cleanup.defer(async () => {
    await Promise.all(cleanupProcesses.map((process) => process.stop("SIGKILL")));
  });
  await mkdir(join(folder.path, "data"), { recursive: true });

  const many = (count: number, launch: (index: number) => Promise<RoleProcess>) =>
    Promise.all(Array.from({ length: count }, (_, index) => launch(index)));
  const apiPorts = ["--api-port", "--grpc-port", "--health-port", "--pprof-port"];
  const gatewayPorts = ["--daemon-port", "--frontend-port", "--health-port"];
  const [apis, gateways, workers] = await Promise.all([
    many(size.apis, (index) =>
      start(`api ${index}`, "api", apiPorts, [...shared, ...temporalFlags, ...users, ...model]),
    ),
    many(size.gateways, (index) => start(`gateway ${index}`, "gateway", gatewayPorts, [...shared, ...users])),
    many(size.workers, (index) =>
      start(`worker ${index}`, "worker", ["--health-port"], [...shared, ...temporalFlags, ...model]),
    ),
  ]);
  const apiBalancer = cleanup.use(await startTcpBalancer(apis.map((api) => api.ports["--api-port"] ?? 0)));
  const gatewayBalancer = cleanup.use(await startTcpBalancer(gateways.map((one) => one.ports["--daemon-port"] ?? 0)));
  const apiUrl = `http://127.0.0.1:${apiBalancer.port}`;
  const gatewayUrl = `http://127.0.0.1:${gatewayBalancer.port}`;

  const signUp = async (name: string): Promise<TestUser> => {
    const jwt = await new SignJWT({})
      .setProtectedHeader({ alg: "EdDSA" })
      .setSubject(`${name}-${prefix}`)
      .setIssuer("tests")
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(privateKey);
    const api = clients(apiUrl, jwt);
    return {
      name,
      jwt,
      api,
      apiAt: (index) => clients(`http://127.0.0.1:${apis[index]?.ports["--api-port"]}`, jwt),
      newDaemonToken: async () => {
        const created = await api.tokens.createToken({ name: "test", scope: TokenScope.DAEMON });
        return { id: created.token?.id ?? "", secret: created.secret };
      },
    };
  };

  const startDaemon: Cluster["startDaemon"] = async (user, options) => {
    const home = join(folder.path, `daemon-${options.name}`);
    const root = join(home, "project");
    await mkdir(root, { recursive: true });
    const token = await user.newDaemonToken();
    const url = options.gateway ? `http://127.0.0.1:${options.gateway.ports["--daemon-port"]}` : gatewayUrl;
    const flags = ["--gateway", url, "--token", "-", "--name", options.name, "--data-dir", join(home, "data")];
    const process = await TestProcess.start({
      command: [executable, "daemon", "start", ...flags],
      env: { ...CLEAN_ENV, HOME: home },
      cwd: home,
      stdin: token.secret,
    });
    cleanupProcesses.push(process);
    const id = await eventually(`daemon ${options.name} to be online`, async () => {
      if (!process.isRunning) throw new Error(`daemon ${options.name} has ended\n${process.newestOutput()}`);
      const { daemons } = await user.api.daemons.listDaemons({});
      return daemons.find((daemon) => daemon.name === options.name && daemon.online)?.id;
    });
    return { id, process, root };
  };

  const owned = cleanup.move();
  const stop = () => owned.disposeAsync();
  return {
    folder: folder.path,
    executable,
    apis,
    gateways,
    workers,
    apiUrl,
    gatewayUrl,
    gatewayBalancer,
    databaseUrl: database.url,
    signUp,
    startDaemon,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Clients of every service of the API, as one user. */
export function clients(url: string, bearer: string): ApiClients {
  const transport: Transport = createConnectTransport({
    baseUrl: url,
    httpVersion: "1.1",
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", `Bearer ${bearer}`);
        return next(request);
      },
    ],
  });
  return {
    chats: createClient(ChatService, transport),
    projects: createClient(ProjectService, transport),
    tokens: createClient(TokenService, transport),
    daemons: createClient(DaemonAdminService, transport),
    updates: createClient(StreamingService, transport),
  };
}
