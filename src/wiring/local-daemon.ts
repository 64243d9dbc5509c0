import { hostname } from "node:os";
import { join } from "node:path";
import type { Identity } from "../auth/identity.ts";
import { buildInfo } from "../build-info.ts";
import { systemClock as clock } from "../core/clock.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { LIMITS } from "../core/limits.ts";
import { logger } from "../core/logger.ts";
import { within } from "../core/within.ts";
import { createDaemon, type Daemon } from "../daemon/daemon.ts";
import { helloFields } from "../daemon/hello-fields.ts";
import { thisMachine } from "../daemon/machine.ts";
import { PolicySource } from "../daemon/policy-source.ts";
import { SqliteJournal } from "../daemon/sqlite-journal.ts";
import type { ToolsDaemonService } from "../gateway/tools-daemon-service.ts";
import type { ToolCatalog } from "../tools/catalog.ts";

/** The monolith's own daemon: the same as on a developer's machine, with a function call in place of the network. */
export class LocalDaemon {
  private daemon: Daemon | undefined;
  private connected = Promise.withResolvers<void>();

  constructor(
    private readonly options: {
      readonly service: ToolsDaemonService;
      readonly identity: Identity;
      readonly tools: ToolCatalog;
      readonly dataDir: string;
      readonly policyFile: string;
    },
  ) {}

  /** The daemon's id: one a data folder, there before it first connects, so that chats can name it. */
  static readonly id = "dmn_local";

  /** Starts it and resolves when it is connected; does nothing where it is. */
  async ensure(): Promise<void> {
    this.daemon ??= await this.start();
    await within(this.connected.promise, { ms: LIMITS.commandMs, act: "connect this machine's daemon", clock });
  }

  async stop(): Promise<void> {
    await this.daemon?.stop();
  }

  private async start(): Promise<Daemon> {
    const { service, identity, tools, dataDir, policyFile } = this.options;
    const { version, target } = buildInfo();
    const daemon = createDaemon({
      transport: {
        connect: (frames, signal, reached) => {
          reached();
          return service.connect(frames, { identity, signal });
        },
      },
      tools,
      policy: await PolicySource.open(policyFile, []),
      clock,
      openJournal: () => SqliteJournal.open(join(dataDir, "daemon-journal.db")),
      machine: thisMachine(join(dataDir, "outputs")),
      hello: helloFields({
        daemonId: LocalDaemon.id,
        userId: identity.userId,
        instanceId: newId("ins"),
        name: hostname(),
        labels: [],
        version,
        platform: target,
        toolNames: tools.names,
      }),
      onState: ({ link }) => {
        if (link.kind === "connected") this.connected.resolve();
      },
    });
    await daemon.start();
    daemon.ended().catch((error: unknown) => {
      logger("monolith").error("this machine's daemon gave up", { reason: messageOf(error) });
      // Where nobody waits for it, nobody is to be told.
      this.connected.promise.catch(() => undefined);
      this.connected.reject(new ReliantError("daemon_offline", `this machine's daemon: ${messageOf(error)}`));
      // The next request starts another one.
      this.daemon = undefined;
      this.connected = Promise.withResolvers<void>();
    });
    return daemon;
  }
}
