import type { Activities } from "../../src/activities/activities.ts";
import { createActivities } from "../../src/activities/activities.ts";
import type { Identity } from "../../src/auth/identity.ts";
import { ReliantError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { logger } from "../../src/core/logger.ts";
import { within } from "../../src/core/within.ts";
import { createDaemon, type Daemon } from "../../src/daemon/daemon.ts";
import { helloFields } from "../../src/daemon/hello-fields.ts";
import type { Journal } from "../../src/daemon/journal.ts";
import type { PolicySource } from "../../src/daemon/policy-source.ts";
import { EmbeddedEngine } from "../../src/engine/embedded/embedded-engine.ts";
import { ToolsDaemonService } from "../../src/gateway/tools-daemon-service.ts";
import { LocalDaemonRouter } from "../../src/routing/local-daemon-router.ts";
import { MemoryUpdateHub } from "../../src/updates/memory-update-hub.ts";
import type { Fault } from "./faults.ts";
import type { Life, MachineTime } from "./life.ts";
import { type ApiReplica, type MonolithParts, openApi } from "./servers.ts";
import { NO_MACHINE } from "./sim-daemon.ts";
import { SimDisk } from "./sim-journal.ts";
import { simModel } from "./sim-model.ts";
import type { MachineView, Topology } from "./topology.ts";

const DAEMON_ID = "dmn_local";
const GONE: readonly Fault[] = [
  "api: crash",
  "worker: crash",
  "gateway: crash",
  "daemon: crash",
  "daemon: power failure",
  "journal: lost",
  "journal: rolled back",
];

/** One process with everything in it, as wiring/monolith.ts puts it together; what it leaves is on its disk. */
interface MonolithProcess {
  readonly api: ApiReplica;
  readonly service: ToolsDaemonService;
  readonly engine: EmbeddedEngine;
  readonly daemon: LocalDaemon;
}

/** `reliant monolith` on one machine: it ends between any two writes, and goes on by what stands in the store and the journal. */
export class Monolith implements Topology {
  onHeldBack: ((toolCallId: string) => void) | undefined;
  attempts = 0;
  private readonly time: MachineTime = { wallAheadMs: 0, sleptMs: 0 };
  private readonly disk: SimDisk;
  private process: MonolithProcess | undefined;

  constructor(
    private readonly parts: MonolithParts,
    private readonly policy: PolicySource,
    private readonly userId: string,
  ) {
    this.disk = new SimDisk(parts.world, "this machine", parts.tools);
    this.begin();
  }

  get apis(): readonly ApiReplica[] {
    return this.process === undefined ? [] : [this.process.api];
  }

  get servers() {
    return this.apis;
  }

  get gateways() {
    const { process } = this;
    return process === undefined ? [] : [{ life: process.api.life, service: process.service }];
  }

  get machines(): readonly MachineView[] {
    const { process, disk } = this;
    return [
      {
        name: "this machine",
        isConnected: process !== undefined && !process.daemon.isLost,
        openEntries: process?.daemon.openEntries ?? 0,
        timers: 0,
        close: () => disk.close(),
      },
    ];
  }

  /** What it has under way is in the store: a start continues it, whoever asks. */
  get loops(): number {
    return 0;
  }

  moves(): boolean {
    return true;
  }

  inject(fault: Fault): void {
    const life = this.process?.api.life;
    if (life === undefined) return;
    const { world } = this.parts;
    const happens = () => {
      world.faults.count(fault);
      world.history.note(`FAULT ${fault} (${life.name})`);
    };
    if (GONE.includes(fault)) {
      happens();
      life.end();
      if (fault === "daemon: power failure") this.disk.losePower();
      if (fault === "journal: lost") this.disk.lose();
      if (fault === "journal: rolled back") this.disk.rollBack();
      return;
    }
    const asleep = fault === "daemon: asleep";
    if ((asleep || fault === "process frozen") && !life.isFrozen) {
      happens();
      life.freeze();
      world.scheduler.after(world.chance.real() * (asleep ? 200_000 : 20_000), undefined, () => life.thaw(asleep));
    }
    if (fault === "daemon: wall clock set") {
      happens();
      this.time.wallAheadMs += world.chance.between(-60_000, 60_000);
    }
    if (fault === "gateway: stopped in good order" && !life.isFrozen) {
      happens();
      void this.stop();
    }
  }

  /** In the order in which wiring/monolith.ts closes. */
  private async stop(): Promise<void> {
    const { process } = this;
    if (process === undefined) return;
    process.api.streaming.stop();
    await process.engine.close();
    await process.daemon.stop();
    await process.service.close();
    await process.api.store.close();
    process.api.life.end();
  }

  private begin(): void {
    const { parts, userId, time } = this;
    const { world } = parts;
    const life = world.begin("monolith", time);
    world.history.note(`${life.name} starts`);
    const { clock } = life;
    const hub = new MemoryUpdateHub(logger("simulation", "updates"));
    const store = parts.store.of(life, (announcement) => hub.publish(announcement), false);
    const log = logger("simulation", "gateway");
    const service = new ToolsDaemonService({ gatewayId: "gtw_local", store, hub, check: parts.check, clock, log });
    service.start();
    const daemon = new LocalDaemon({ ...parts, life, service, userId, policy: this.policy, disk: this.disk });
    const router = new LocalDaemonRouter({ store, host: service, clock, ensureDaemon: () => daemon.ensure() });
    const activities: Activities = createActivities({
      ...{ store, hub, clock, router },
      models: simModel(world, life),
      tools: parts.tools.of(life),
      chooseDaemon: async () => ({ id: DAEMON_ID, platform: "simulation" }),
    });
    const engine = new EmbeddedEngine({ activities: this.counted(activities), turns: store.turns, clock });
    const api = openApi({ life, store, hub, engine, router });
    this.process = { api, service, engine, daemon };
    life.whenEnded(() => {
      this.process = undefined;
      const ms = world.faults.on ? world.chance.real() * 3_000 : 200;
      world.scheduler.after(ms, undefined, () => this.begin());
    });
    engine.start().catch(() => undefined);
  }

  private counted(activities: Activities): Activities {
    const count = () => {
      this.attempts++;
    };
    return {
      ...activities,
      callModel: (input, context) => {
        count();
        return activities.callModel(input, context);
      },
      runTool: (input, context) => {
        count();
        return activities.runTool(input, context);
      },
    };
  }
}

/** This process's own daemon, as wiring/local-daemon.ts has it: it starts with the first request. */
class LocalDaemon {
  private daemon: Daemon | undefined;
  private connected = Promise.withResolvers<void>();
  private journal: Journal | undefined;
  /** It was connected, and is not now. */
  isLost = false;

  constructor(
    private readonly options: MonolithParts & {
      readonly life: Life;
      readonly service: ToolsDaemonService;
      readonly userId: string;
      readonly policy: PolicySource;
      readonly disk: SimDisk;
    },
  ) {}

  get openEntries(): number {
    return this.options.life.isAlive ? (this.journal?.open().length ?? 0) : 0;
  }

  async ensure(): Promise<void> {
    const { clock } = this.options.life;
    this.daemon ??= await this.start();
    await within(this.connected.promise, { ms: LIMITS.commandMs, act: "connect this machine's daemon", clock });
  }

  async stop(): Promise<void> {
    await this.daemon?.stop();
  }

  private async start(): Promise<Daemon> {
    const { world, life, service, userId, policy, tools, disk } = this.options;
    const identity: Identity = { userId, scope: "daemon" };
    const instanceId = newId("ins");
    world.instances.set(instanceId, life);
    const daemon = createDaemon({
      transport: {
        connect: (frames, signal, reached) => {
          reached();
          return service.connect(frames, { identity, signal });
        },
      },
      ...{ tools: tools.of(life), policy, clock: life.clock, machine: NO_MACHINE },
      openJournal: () => {
        this.journal = disk.open(life);
        return this.journal;
      },
      hello: helloFields({
        ...{ daemonId: DAEMON_ID, userId, instanceId, name: "this machine", labels: [] },
        ...{ version: "0", platform: "simulation", toolNames: ["probe"] },
      }),
      onState: ({ link }) => {
        this.isLost = link.kind !== "connected" && link.kind !== "connecting";
        if (link.kind === "connected") this.connected.resolve();
      },
    });
    await daemon.start();
    daemon.ended().catch((error: unknown) => {
      this.connected.promise.catch(() => undefined);
      this.connected.reject(new ReliantError("daemon_offline", `this machine's daemon: ${String(error)}`));
      this.daemon = undefined;
      this.connected = Promise.withResolvers<void>();
    });
    return daemon;
  }
}
