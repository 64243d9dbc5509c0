import { join } from "node:path";
import { newId } from "../core/ids.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { allOf } from "../stack/all-of.ts";
import type { TemporalPlace } from "../stack/backends.ts";
import { startBaseServers, startTemporalBeside } from "../stack/base-servers.ts";
import type { ManagedProcess } from "../stack/managed-process.ts";
import { ProcessStarter } from "../stack/process-starter.ts";
import { createIssuer, STACK_ISSUER } from "../stack/stack-user.ts";
import type { Store } from "../store/store.ts";
import type { BenchWorld } from "./bench-part.ts";

/** Real servers whose commits reach the disk, and no proxy between: what the roles of a measurement are started on. */
export interface Installation extends AsyncDisposable {
  readonly world: BenchWorld;
  readonly folder: string;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  /** `http://…` of what the NATS server tells of itself (`/varz`). */
  readonly natsMonitorUrl: string;
  readonly temporal: TemporalPlace | undefined;
  /** Public key (PEM) that the users' tokens are checked with. */
  readonly keyFile: string;
  readonly store: Store;
  /** Starts `reliant` with a clean environment; what it starts is ended with the installation. */
  readonly starter: ProcessStarter;
  /** A user with a JWT of this installation's own issuer. */
  signUp(name: string): Promise<BenchUser>;
  /** Starts `reliant <args>`. */
  spawn(args: readonly string[], stdin?: string): Promise<ManagedProcess>;
}

export interface BenchUser {
  readonly id: string;
  readonly jwt: string;
}

/** `temporal`: with a Temporal server, which a part without workers does not need. */
export async function startInstallation(
  world: BenchWorld,
  options: { readonly temporal: boolean },
): Promise<Installation> {
  await using closing = new AsyncDisposableStack();
  const { programs, drivers, signal, executable } = world;
  const folder = join(world.folder, newId("ins"));
  const servers = { programs, folder, removed: folder, durable: true, signal };
  const own = async <T extends AsyncDisposable>(starting: Promise<T>) => closing.use(await starting);
  const [{ nats, databaseUrl }, temporal] = await allOf([
    own(startBaseServers(servers)),
    options.temporal ? own(startTemporalBeside(servers)) : Promise.resolve(undefined),
  ]);
  const store = await drivers.openStore(databaseUrl, signal);
  closing.defer(() => store.close());
  const issuer = await createIssuer(folder);
  const starter = new ProcessStarter({
    ...{ executable, folder, removed: folder },
    // A queue of this installation's own.
    env: { LANG: "C.UTF-8", TEMPORAL_TASK_QUEUE: newId("wrk") },
    // What a peer reports is one line, however long.
    keptCharacters: TRIAL_LIMITS.stackOutputCharacters,
  });
  closing.defer(() => starter.end());
  let started = 0;
  const owned = closing.move();
  return {
    ...{ world, folder, databaseUrl, natsUrl: nats.url, natsMonitorUrl: nats.monitorUrl, temporal },
    ...{ keyFile: issuer.publicKeyFile, store, starter },
    signUp: async (name) => {
      const { id } = await store.users.findOrCreate({ issuer: STACK_ISSUER, subject: name });
      return { id, jwt: await issuer.sign(name) };
    },
    spawn: (args, stdin) => starter.start({ args, name: `${args.slice(0, 2).join(" ")} ${++started}`, stdin }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
