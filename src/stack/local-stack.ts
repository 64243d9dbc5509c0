import { ReliantError } from "../core/errors.ts";
import { allOf } from "./all-of.ts";
import { startBaseServers, startTemporalBeside } from "./base-servers.ts";
import { type Installation, type InstallationOptions, startInstallation } from "./installation.ts";
import type { ServerPrograms } from "./server-programs.ts";
import type { StackServer } from "./stack-server.ts";

export interface LocalStackOptions extends Omit<InstallationOptions, "backends"> {
  readonly programs: ServerPrograms;
  /** Postgres commits reach the disk, as in production: for measurements. A killed process loses nothing either way. Default false. */
  readonly durable?: boolean | undefined;
}

/** An installation with servers of its own: Postgres, NATS and Temporal. Closing it ends them too; the folder stays. */
export interface LocalStack extends Installation {
  readonly nats: StackServer;
  readonly postgres: StackServer;
  readonly temporal: StackServer;
}

/**
 * A new stack, ready when this resolves; its folder must be a new one. Throws, with the newest output of what failed, where
 * something does not come up; nothing is left running then.
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const { programs, folder, signal, log = () => undefined } = options;
  if (process.platform === "win32") {
    throw new ReliantError(
      "failed_precondition",
      "start a local stack: it needs process groups and signals, which Windows has not",
      {
        hint: "use WSL, or a stack that runs already, by its address",
      },
    );
  }
  await using closing = new AsyncDisposableStack();
  const own = async <T extends AsyncDisposable>(starting: Promise<T>) => closing.use(await starting);
  log("starting Postgres, NATS and Temporal");
  const removed = options.temporary === true ? folder : undefined;
  const servers = { programs, folder, removed, durable: options.durable, signal };
  const [{ postgres, nats, databaseUrl }, temporal] = await allOf([
    own(startBaseServers(servers)),
    own(startTemporalBeside(servers)),
  ]);
  const backends = {
    ...{ databaseUrl, natsUrl: nats.url },
    temporal: { host: temporal.host, port: temporal.port, namespace: temporal.namespace },
  };
  const installation = closing.use(await startInstallation({ ...options, backends }));
  const owned = closing.move();
  return { ...installation, nats, postgres, temporal, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
