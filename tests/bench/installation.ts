import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mintToken } from "../../src/auth/personal-access-token.ts";
import { systemClock } from "../../src/core/clock.ts";
import { newId } from "../../src/core/ids.ts";
import { openStore } from "../../src/store/kysely/kysely-store.ts";
import type { Store } from "../../src/store/store.ts";
import { builtExecutable } from "../support/executable.ts";
import { freePorts } from "../support/free-port.ts";
import { startNats } from "../support/nats-server.ts";
import { startPostgres } from "../support/postgres-server.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { TestProcess } from "../support/test-process.ts";

/** Real servers whose commits reach the disk, and a user: what the roles of a benchmark are started on. */
export interface Installation extends AsyncDisposable {
  readonly folder: string;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly store: Store;
  readonly userId: string;
  /** Starts `reliant <args>` with a clean environment; ended with the installation. */
  spawn(args: readonly string[], options?: { readonly stdin?: string }): Promise<TestProcess>;
}

export interface StartedGateway {
  readonly process: TestProcess;
  readonly url: string;
}

export interface StartedDaemon {
  readonly process: TestProcess;
  readonly id: string;
  /** Its project: one tiny file, `note.txt`. */
  readonly root: string;
  /** From its start until it was connected. */
  readonly connectedAfterMs: number;
}

/** Pause between two looks at what is timed: small beside it. */
const LOOK_MS = 2;
const READY_MS = 20_000;

export async function startInstallation(): Promise<Installation> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await tempFolder("bench"));
  const nats = cleanup.use(await startNats());
  const postgres = cleanup.use(await startPostgres({ durable: true }));
  const database = await postgres.freshDatabase("bench");
  const executable = await builtExecutable();
  const store = await openStore({
    ...{ driver: "postgres", url: database.url, clock: systemClock },
    ...{ announce: () => undefined, signal: AbortSignal.timeout(20_000) },
  });
  cleanup.defer(() => store.close());
  const { id: userId } = await store.users.findOrCreate({ issuer: "bench", subject: "ada" });
  const processes: TestProcess[] = [];
  cleanup.defer(async () => {
    await Promise.all(processes.map((process) => process.stop("SIGKILL")));
  });
  const env = { PATH: process.env.PATH ?? "", HOME: folder.path, LANG: "C.UTF-8" };
  const owned = cleanup.move();
  return {
    folder: folder.path,
    databaseUrl: database.url,
    natsUrl: nats.url,
    store,
    userId,
    spawn: async (args, options = {}) => {
      const started = await TestProcess.start({
        command: [executable, ...args],
        env,
        cwd: folder.path,
        folder: folder.path,
        ...options,
      });
      processes.push(started);
      return started;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Flags of every server: where the database and NATS are. */
export function backendFlags({ databaseUrl, natsUrl, folder }: Installation): string[] {
  return ["--db-url", databaseUrl, "--nats-url", natsUrl, "--data-dir", join(folder, "data")];
}

export async function startGateway(installation: Installation): Promise<StartedGateway> {
  const [daemons, frontend, health] = await freePorts(3);
  const ports = ["--daemon-port", daemons, "--frontend-port", frontend, "--health-port", health].map(String);
  const process = await installation.spawn([
    ...["server", "gateway", "--disable-tls", ...ports],
    ...backendFlags(installation),
  ]);
  await process.awaitReady(`http://127.0.0.1:${health}/ready`);
  return { process, url: `http://127.0.0.1:${daemons}` };
}

/** A daemon with a token of its own, connected. */
export async function startDaemon(installation: Installation, gateway: StartedGateway): Promise<StartedDaemon> {
  const { store, userId } = installation;
  const home = join(installation.folder, newId("dmn"));
  const root = join(home, "project");
  await mkdir(root, { recursive: true });
  await writeFile(join(root, "note.txt"), "hello\n");
  const { secret, prefix, hash } = mintToken();
  await store.tokens.create({ id: newId("tok"), userId, name: "bench", scope: "daemon", prefix, hash });
  const name = newId("dmn");
  const startedMs = performance.now();
  const process = await installation.spawn(
    ["daemon", "start", "--gateway", gateway.url, "--token", "-", "--name", name, "--data-dir", join(home, "data")],
    { stdin: secret },
  );
  await lookOften(process, () => /\bconnected epoch=/.test(process.stderr));
  const connectedAfterMs = performance.now() - startedMs;
  const daemon = (await store.daemons.list(userId)).find((row) => row.name === name);
  if (daemon?.connected !== true) throw new Error("start a daemon: it says that it is connected, the store does not");
  return { process, id: daemon.id, root, connectedAfterMs };
}

/** Waits for what is timed. Throws where the process ends before, or after 20 s. */
export async function lookOften(process: TestProcess, look: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpMs = performance.now() + READY_MS;
  while (!(await look())) {
    if (!process.isRunning || performance.now() > giveUpMs) {
      throw new Error(`time a start: what was waited for did not come\n${process.newestOutput()}`);
    }
    await Bun.sleep(LOOK_MS);
  }
}
