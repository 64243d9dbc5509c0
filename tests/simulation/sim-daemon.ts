import { newId } from "../../src/core/ids.ts";
import { createDaemon, type Daemon, type LinkState } from "../../src/daemon/daemon.ts";
import { helloFields } from "../../src/daemon/hello-fields.ts";
import type { Journal } from "../../src/daemon/journal.ts";
import type { Machine } from "../../src/daemon/machine.ts";
import type { PolicySource } from "../../src/daemon/policy-source.ts";
import type { Life, MachineTime } from "./life.ts";
import { SimDisk } from "./sim-journal.ts";
import type { SimNetwork } from "./sim-stream.ts";
import type { SimTools } from "./sim-tools.ts";
import type { World } from "./world.ts";

/** The machine below a daemon: no files, no processes. */
export const NO_MACHINE: Machine = {
  openOutputs: async () => ({ pathOf: (toolCallId) => `/outputs/${toolCallId}`, tidy: async () => undefined }),
  killStrays: async () => undefined,
  confineRoots: async () => ({ kind: "roots", roots: ["/work"] }),
};

export interface MachineParts {
  readonly world: World;
  readonly network: SimNetwork;
  readonly tools: SimTools;
  readonly policy: PolicySource;
  /** A token in force for the daemon's user. */
  newToken(): Promise<string>;
}

/** One of a user's machines: its disk and clocks outlive the daemon's processes. */
export class SimDaemon {
  readonly time: MachineTime = { wallAheadMs: 0, sleptMs: 0 };
  readonly disk: SimDisk;
  life: Life | undefined;
  link: LinkState = { kind: "connecting" };
  private journal: Journal | undefined;
  private daemon: Daemon | undefined;
  private token = "";

  constructor(
    private readonly parts: MachineParts,
    readonly name: string,
    readonly daemonId: string,
    readonly userId: string,
  ) {
    this.disk = new SimDisk(parts.world, name, parts.tools);
  }

  /** Entries of the journal that are not acked. */
  get openEntries(): number {
    return this.life?.isAlive === true ? (this.journal?.open().length ?? 0) : 0;
  }

  get isConnected(): boolean {
    return this.life?.isAlive === true && this.link.kind === "connected";
  }

  /** Starts the daemon's process; `whenOver` is called once it has ended, however. */
  async start(whenOver: () => void): Promise<void> {
    const { world, network, tools, policy } = this.parts;
    if (this.token === "") this.token = await this.parts.newToken();
    const life = world.begin(this.name, this.time);
    this.life = life;
    const instanceId = newId("ins");
    world.instances.set(instanceId, life);
    this.link = { kind: "connecting" };
    life.whenEnded(() => {
      this.link = { kind: "disconnected", reason: "ended" };
      world.scheduler.after(0, undefined, whenOver);
    });
    const daemon = createDaemon({
      transport: network.transport({ life, token: () => this.token, find: (id) => this.journal?.find(id) }),
      tools: tools.of(life),
      policy,
      clock: life.clock,
      openJournal: () => {
        this.journal = this.disk.open(life);
        return this.journal;
      },
      machine: NO_MACHINE,
      hello: helloFields({
        ...{ daemonId: this.daemonId, userId: this.userId, instanceId, name: this.name },
        ...{ labels: [], version: "0", platform: "simulation", toolNames: ["probe"] },
      }),
      onState: ({ link }) => {
        if (!life.isAlive) return;
        this.link = link;
      },
    });
    this.daemon = daemon;
    await daemon.start();
    daemon.ended().then(
      () => life.end(),
      (error: unknown) => this.gaveUp(life, String(error)),
    );
  }

  /** As SIGTERM does. */
  async stop(): Promise<void> {
    await this.daemon?.stop();
  }

  /** A daemon that gives up is started again by its owner, with a token that holds. */
  private gaveUp(life: Life, reason: string): void {
    this.parts.world.history.note(`${life.name} gives up: ${reason}`);
    this.token = "";
    life.end();
  }
}
