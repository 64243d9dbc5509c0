import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { exportPKCS8, exportSPKI, generateKeyPair } from "jose";
import { TokenScope } from "../../src/gen/reliant/v1/token_pb.ts";
import { freePorts } from "../../src/stack/free-port.ts";
import type { ManagedProcess } from "../../src/stack/managed-process.ts";
import { clients } from "../../src/stack/stack-client.ts";
import { BOUNDS } from "../support/bounds.ts";
import { type EmptyRoot, makeEmptyRoot } from "../support/empty-root.ts";
import { eventually } from "../support/eventually.ts";
import { builtExecutable, runExecutable, startRole } from "../support/executable.ts";
import { type NatsServer, sharedNats } from "../support/nats-server.ts";
import { type FreshDatabase, type PostgresServer, sharedPostgres } from "../support/postgres-server.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { sharedTemporal, type TemporalServer } from "../support/temporal-server.ts";

const MINUTE = 60_000;
const SCRIPT = join(import.meta.dir, "scripts/empty-root.yaml");
const WORD = "marigold";

/** Every role lives in a root without shell, source tree or other program; Postgres, NATS and Temporal are outside, on 127.0.0.1. */
describe("an installation in an empty root", () => {
  const cleanup = new AsyncDisposableStack();
  let root: EmptyRoot;
  let nats: NatsServer;
  let temporal: TemporalServer;
  let postgres: PostgresServer;
  let database: FreshDatabase;

  beforeAll(async () => {
    const folder = cleanup.use(await tempFolder("empty-root"));
    root = await makeEmptyRoot(folder.path, await builtExecutable());
    await copyFile(SCRIPT, join(root.path, "tmp/script.yaml"));
    nats = cleanup.use(await sharedNats());
    temporal = cleanup.use(await sharedTemporal());
    postgres = cleanup.use(await sharedPostgres());
    database = cleanup.use(await postgres.freshDatabase("empty_root"));
  }, BOUNDS.buildMs);
  afterAll(() => cleanup.disposeAsync(), BOUNDS.stopMs);

  beforeEach(async () => {
    await mkdir(join(root.path, "tmp/project"), { recursive: true });
    await Bun.write(join(root.path, "tmp/project/NOTE.md"), `In this project the word is ${WORD}.\n`);
    await Bun.write(join(root.path, "tmp/project/ANSWER.md"), "");
  });

  const start = async (args: readonly string[], stdin?: string): Promise<ManagedProcess> => {
    const started = await startRole({
      root,
      args,
      env: { LOG_LEVEL: "debug" },
      ...(stdin === undefined ? {} : { stdin }),
    });
    cleanup.defer(async () => {
      await started.stop();
    });
    return started;
  };

  const ask = async (...flags: readonly string[]): Promise<void> => {
    const args = ["run", "--project", "/tmp/project", ...flags, "What is the word?"];
    const run = await runExecutable({ root, args, timeoutMs: MINUTE });
    expect(run.code, `${run.stdout}\n${run.stderr}`).toBe(0);
    expect(run.stdout).toEndWith(`The word was ${WORD}.\n`);
    expect(await Bun.file(join(root.path, "tmp/project/ANSWER.md")).text()).toBe(`${WORD}\n`);
  };

  test(
    "carries a chat with tools to its end, from api, worker, gateway, daemon and run",
    async () => {
      const ports = await freePorts(9);
      const [api = 0, grpc = 0, apiHealth = 0, pprof = 0, workerHealth = 0, daemons = 0, frontend = 0, health = 0] =
        ports;
      const keys = await generateKeyPair("EdDSA", { extractable: true });
      await Bun.write(join(root.path, "tmp/issuer.pem"), await exportPKCS8(keys.privateKey));
      await Bun.write(join(root.path, "tmp/issuer.pub.pem"), await exportSPKI(keys.publicKey));
      const shared = ["--db-url", database.url, "--nats-url", nats.url, "--data-dir", "/tmp/data"];
      const queue = `root-${crypto.randomUUID().slice(0, 8)}`;
      const onTemporal = [
        ...["--temporal-host", temporal.host, "--temporal-port", String(temporal.port)],
        ...["--temporal-namespace", temporal.namespace, "--temporal-task-queue", queue],
      ];
      const [apiServer, worker, gateway] = await Promise.all([
        start([
          ...[
            "server",
            "api",
            ...shared,
            ...onTemporal,
            "--disable-tls",
            "--jwt-public-key-file",
            "/tmp/issuer.pub.pem",
          ],
          ...["--model", "scripted/default", "--api-port", `${api}`, "--grpc-port", `${grpc}`],
          ...["--health-port", `${apiHealth}`, "--pprof-port", `${pprof}`],
        ]),
        start([
          ...["server", "worker", ...shared, ...onTemporal, "--health-port", `${workerHealth}`],
          ...["--scripted-model", "/tmp/script.yaml"],
        ]),
        start([
          ...["server", "gateway", ...shared, "--disable-tls", "--daemon-port", `${daemons}`],
          ...["--frontend-port", `${frontend}`, "--health-port", `${health}`],
        ]),
      ]);
      await apiServer.awaitReady(`http://127.0.0.1:${apiHealth}/ready`);
      await worker.awaitReady(`http://127.0.0.1:${workerHealth}/ready`);
      await gateway.awaitReady(`http://127.0.0.1:${health}/ready`);

      const url = `http://127.0.0.1:${api}`;
      const signing = ["auth", "token", "--private-key", "/tmp/issuer.pem", "--subject", "somebody"];
      const token = (await runExecutable({ root, args: signing })).stdout.trim();
      const user = clients(url, token);
      const { secret } = await user.tokens.createToken({ name: "root", scope: TokenScope.DAEMON });
      const toGateway = ["--gateway", `http://127.0.0.1:${daemons}`, "--token", "-", "--data-dir", "/tmp/daemon"];
      const daemon = await start(["daemon", "start", ...toGateway], secret);
      await daemon.awaitThat("the daemon to be online", async () =>
        (await user.daemons.listDaemons({})).daemons.some(({ online }) => online),
      );
      await eventually("`daemon status` to tell it", async () => {
        const status = await runExecutable({ root, args: ["daemon", "status", "--data-dir", "/tmp/daemon"] });
        return status.stdout.includes("connected as dmn_");
      });

      await ask("--server", url, "--token", token);
      for (const role of [daemon, apiServer, worker, gateway]) await role.stopCleanly();
    },
    2 * MINUTE,
  );

  for (const { engine, flags } of [
    { engine: "the embedded engine", flags: () => [] },
    {
      engine: "Temporal",
      flags: () => [
        ...["--engine", "temporal", "--temporal-host", temporal.host, "--temporal-port", String(temporal.port)],
        ...["--temporal-task-queue", `root-${crypto.randomUUID().slice(0, 8)}`],
      ],
    },
  ]) {
    test(
      `carries a chat with tools to its end, from monolith and run, on ${engine}`,
      async () => {
        const dataDir = `/tmp/monolith-${crypto.randomUUID().slice(0, 8)}`;
        const ports = ["--api-port", "--grpc-port", "--health-port", "--pprof-port"].flatMap((flag) => [flag, "0"]);
        const model = ["--model", "scripted//tmp/script.yaml"];
        const monolith = await start(["monolith", "--data-dir", dataDir, ...ports, ...model, ...flags()]);
        const [, port] = await monolith.awaitOutput(/monolith: ready healthPort=(\d+)/);
        await monolith.awaitReady(`http://127.0.0.1:${port}/ready`);
        await ask("--data-dir", dataDir);
        await monolith.stopCleanly();
        expect(await Bun.file(join(root.path, dataDir, "local-server.json")).exists()).toBe(false);
      },
      MINUTE,
    );
  }
});
