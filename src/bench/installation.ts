import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { exportSPKI, generateKeyPair, SignJWT } from "jose";
import { newId } from "../core/ids.ts";
import { ManagedProcess } from "../stack/managed-process.ts";
import { startNats } from "../stack/nats-server.ts";
import { createDatabase, startPostgres } from "../stack/postgres-server.ts";
import { startTemporal } from "../stack/temporal-server.ts";
import type { Store } from "../store/store.ts";
import type { BenchWorld } from "./bench-part.ts";

const ISSUER = "reliant-bench";

/** Real servers whose commits reach the disk, and no proxy between: what the roles of a measurement are started on. */
export interface Installation extends AsyncDisposable {
  readonly world: BenchWorld;
  readonly folder: string;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly temporal: TemporalPlace | undefined;
  /** Public key (PEM) that the users' tokens are checked with. */
  readonly keyFile: string;
  readonly store: Store;
  /** A user with a JWT of this installation's own issuer. */
  signUp(name: string): Promise<BenchUser>;
  /** Starts `reliant <args>` with a clean environment; ended with the installation. */
  spawn(args: readonly string[], options?: SpawnOptions): Promise<ManagedProcess>;
}

export interface TemporalPlace {
  readonly host: string;
  readonly port: number;
  readonly namespace: string;
  /** A queue of this installation's own. */
  readonly taskQueue: string;
}

export interface BenchUser {
  readonly id: string;
  readonly jwt: string;
}

interface SpawnOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** `temporal`: with a Temporal server, which a part without workers does not need. */
export async function startInstallation(
  world: BenchWorld,
  options: { readonly temporal: boolean },
): Promise<Installation> {
  await using cleanup = new AsyncDisposableStack();
  const { programs, drivers, signal } = world;
  const folder = join(world.folder, newId("ins"));
  await mkdir(folder, { recursive: true });
  const nats = cleanup.use(await startNats(programs.natsServer, { folder: join(folder, "nats"), signal }));
  const postgres = cleanup.use(
    await startPostgres(programs.postgres, { folder: join(folder, "postgres"), durable: true, signal }),
  );
  const temporal = options.temporal
    ? cleanup.use(await startTemporal(programs.temporal, { folder: join(folder, "temporal"), signal }))
    : undefined;
  const databaseUrl = await createDatabase(postgres.url, "bench");
  const store = await drivers.openStore(databaseUrl, signal);
  cleanup.defer(() => store.close());
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  const keyFile = join(folder, "issuer.pem");
  await Bun.write(keyFile, await exportSPKI(publicKey));
  const processes: ManagedProcess[] = [];
  cleanup.defer(async () => {
    await Promise.all(processes.map((process) => process.stop("SIGKILL")));
  });
  const env = { PATH: process.env.PATH ?? "", HOME: folder, LANG: "C.UTF-8" };
  const owned = cleanup.move();
  return {
    world,
    folder,
    databaseUrl,
    natsUrl: nats.url,
    temporal:
      temporal === undefined
        ? undefined
        : { host: temporal.host, port: temporal.port, namespace: temporal.namespace, taskQueue: newId("wrk") },
    keyFile,
    store,
    signUp: async (name) => {
      const { id } = await store.users.findOrCreate({ issuer: ISSUER, subject: name });
      const jwt = await new SignJWT({})
        .setProtectedHeader({ alg: "EdDSA" })
        .setIssuer(ISSUER)
        .setSubject(name)
        .setIssuedAt()
        .setExpirationTime("12h")
        .sign(privateKey);
      return { id, jwt };
    },
    spawn: async (args, more = {}) => {
      const started = await ManagedProcess.start({
        command: [world.executable, ...args],
        env: { ...env, ...more.env },
        cwd: folder,
        folder,
        stdin: more.stdin,
      });
      processes.push(started);
      return started;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
