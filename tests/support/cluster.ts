import { type Installation, startInstallation } from "../../src/stack/installation.ts";
import { builtExecutable } from "./executable.ts";
import { sharedNats } from "./nats-server.ts";
import { sharedPostgres } from "./postgres-server.ts";
import { tempFolder } from "./temp-folder.ts";
import { sharedTemporal } from "./temporal-server.ts";

/** An installation on the servers of the test run, every role as the compiled executable. */
export interface Cluster extends Installation {
  stop(): Promise<void>;
}

export async function startCluster(size: {
  readonly apis: number;
  readonly gateways: number;
  readonly workers: number;
  /** Path of the scripted model's file. */
  readonly script: string;
  readonly workerFlags?: readonly string[];
}): Promise<Cluster> {
  await using closing = new AsyncDisposableStack();
  const folder = closing.use(await tempFolder("cluster"));
  const nats = closing.use(await sharedNats());
  const temporal = closing.use(await sharedTemporal());
  const postgres = closing.use(await sharedPostgres());
  const database = closing.use(await postgres.freshDatabase("cluster"));
  const installation = closing.use(
    await startInstallation({
      ...size,
      backends: { databaseUrl: database.url, natsUrl: nats.url, temporal },
      folder: folder.path,
      executable: await builtExecutable(),
      temporary: true,
      logLevel: "debug",
    }),
  );
  const owned = closing.move();
  const stop = () => owned.disposeAsync();
  return { ...installation, stop, [Symbol.asyncDispose]: stop };
}
