import type { PolicySource } from "../../src/daemon/policy-source.ts";
import type { Fault } from "./faults.ts";
import type { Life } from "./life.ts";
import type { ApiProcess, GatewayProcess, ServerParts, ServerProcess } from "./servers.ts";
import { startApi, startGateway, startWorker } from "./servers.ts";
import { SimDaemon } from "./sim-daemon.ts";
import type { WorkerProcess } from "./sim-engine.ts";
import { SimNetwork } from "./sim-stream.ts";
import type { MachineView, Topology } from "./topology.ts";
import type { World } from "./world.ts";

/** A server that is started again whenever it has ended. */
class Slot<Process extends ServerProcess> {
  process: Process | undefined;

  constructor(
    private readonly world: World,
    private readonly start: () => Process,
  ) {
    this.begin();
  }

  private begin(): void {
    this.process = this.start();
    this.world.history.note(`${this.process.life.name} starts`);
    this.process.life.whenEnded(() => {
      this.process = undefined;
      this.world.scheduler.after(restartMs(this.world), undefined, () => this.begin());
    });
  }
}

function restartMs(world: World): number {
  if (!world.faults.on) return 200;
  return world.chance.hits(0.8) ? 50 + world.chance.real() * 1_000 : world.chance.real() * 8_000;
}

export interface DaemonOf {
  readonly daemonId: string;
  readonly userId: string;
}

/** All processes of a run, and the faults that come to them. */
export class Cluster implements Topology {
  readonly network: SimNetwork;
  readonly daemons: readonly SimDaemon[];
  onHeldBack: ((toolCallId: string) => void) | undefined;
  private readonly world: World;
  private readonly apiSlots: readonly Slot<ApiProcess>[];
  private readonly workerSlots: readonly Slot<WorkerProcess & ServerProcess>[];
  private readonly gatewaySlots: readonly Slot<GatewayProcess>[];

  constructor(
    readonly parts: ServerParts,
    policy: PolicySource,
    daemons: readonly DaemonOf[],
    newToken: (userId: string) => Promise<string>,
  ) {
    const { world, tools } = parts;
    this.world = world;
    this.network = new SimNetwork(world, () => this.gateways);
    this.gatewaySlots = [1, 2].map((index) => new Slot(world, () => startGateway(parts, `gateway-${index}`)));
    this.workerSlots = [1, 2].map((index) => new Slot(world, () => startWorker(parts, `worker-${index}`)));
    this.apiSlots = [1, 2].map((index) => new Slot(world, () => startApi(parts, `api-${index}`)));
    this.daemons = daemons.map(({ daemonId, userId }, index) => {
      const machine = { world, network: this.network, tools, policy, newToken: () => newToken(userId) };
      return new SimDaemon(machine, `daemon-${index + 1}`, daemonId, userId);
    });
    this.network.listener = {
      onReady: (life) => this.strikeBehindReady(life),
      onHeldBack: (toolCallId) => this.onHeldBack?.(toolCallId),
    };
    for (const daemon of this.daemons) this.startDaemon(daemon);
  }

  get apis(): readonly ApiProcess[] {
    return living(this.apiSlots);
  }

  get workers(): readonly (WorkerProcess & ServerProcess)[] {
    return living(this.workerSlots);
  }

  get gateways(): readonly GatewayProcess[] {
    return living(this.gatewaySlots);
  }

  get servers(): readonly ServerProcess[] {
    return [...this.apis, ...this.workers, ...this.gateways];
  }

  get machines(): readonly MachineView[] {
    return this.daemons.map((daemon) => ({
      ...{ name: daemon.name, isConnected: daemon.isConnected, openEntries: daemon.openEntries },
      timers: daemon.life?.timers ?? 0,
      close: () => daemon.disk.close(),
    }));
  }

  get loops(): number {
    return this.parts.engine.size;
  }

  get attempts(): number {
    return this.parts.engine.attempts;
  }

  /** Its workflow, or the run watch, where a fault took that away. */
  moves(chatId: string): boolean {
    return this.parts.engine.has(chatId) || this.parts.engine.orphans.has(chatId);
  }

  inject(fault: Fault): void {
    switch (fault) {
      case "nats: connection lost for a while":
        this.loseNats();
        return;
      case "store: away for a while":
        this.loseStore();
        return;
      case "stream: cut, both sides notice":
        this.cut(fault, { daemon: true, gateway: true });
        return;
      case "stream: cut, only the daemon notices":
        this.cut(fault, { daemon: true, gateway: false });
        return;
      case "stream: cut, only the gateway notices":
        this.cut(fault, { daemon: false, gateway: true });
        return;
      case "stream: cut, nobody notices":
        this.cut(fault, { daemon: false, gateway: false });
        return;
      case "stream: all cut at once":
        this.cutAll(fault);
        return;
      case "api: crash":
        this.crash(fault, this.apis);
        return;
      case "worker: crash":
        this.crash(fault, this.workers);
        return;
      case "gateway: crash":
        this.crash(fault, this.gateways);
        return;
      case "gateway: stopped in good order":
        this.stopGateway();
        return;
      case "daemon: crash":
      case "daemon: power failure":
      case "journal: lost":
      case "journal: rolled back":
        this.crashDaemon(fault);
        return;
      case "daemon: stopped in good order":
        this.stopDaemon();
        return;
      case "process frozen":
        this.freeze(fault, [...this.servers.map(({ life }) => life), ...this.daemonLives], false);
        return;
      case "daemon: asleep":
        this.freeze(fault, this.daemonLives, true);
        return;
      case "daemon: wall clock set":
        this.setWallClock();
        return;
      case "engine: workflow lost":
        this.parts.engine.lose();
        return;
    }
  }

  private get daemonLives(): readonly Life[] {
    return this.daemons.flatMap(({ life }) => (life?.isAlive === true ? [life] : []));
  }

  private happens(fault: Fault, to: string): void {
    this.world.faults.count(fault);
    this.world.history.note(`FAULT ${fault} (${to})`);
  }

  private loseNats(): void {
    const process = this.world.chance.oneOf(this.servers);
    if (process === undefined) return;
    this.happens("nats: connection lost for a while", process.life.name);
    process.peer.lose();
    this.world.scheduler.after(this.world.longMs(), undefined, () => process.peer.comeBack());
  }

  private loseStore(): void {
    const { store } = this.parts;
    this.happens("store: away for a while", "the database");
    store.away = true;
    this.world.scheduler.after(this.world.chance.real() * 8_000, undefined, () => {
      store.away = false;
    });
  }

  private cut(fault: Fault, tells: { readonly daemon: boolean; readonly gateway: boolean }): void {
    const stream = this.world.chance.oneOf(this.network.open);
    if (stream === undefined) return;
    this.happens(fault, `${stream.daemon.name} and ${stream.gateway.life.name}`);
    stream.cut(tells);
  }

  /** All daemons come back at about the same time. */
  private cutAll(fault: Fault): void {
    if (this.network.open.length === 0) return;
    this.happens(fault, `${this.network.open.length} streams`);
    for (const stream of this.network.open) stream.cut({ daemon: true, gateway: this.world.chance.hits(0.5) });
  }

  private crash(fault: Fault, processes: readonly { readonly life: Life }[]): void {
    const process = this.world.chance.oneOf(processes);
    if (process === undefined) return;
    this.happens(fault, process.life.name);
    process.life.end();
  }

  private stopGateway(): void {
    const gateway = this.world.chance.oneOf(this.gateways);
    if (gateway === undefined) return;
    this.happens("gateway: stopped in good order", gateway.life.name);
    void gateway.service
      .drain()
      .then(() => gateway.service.close())
      .then(() => gateway.life.end());
  }

  private crashDaemon(fault: Fault): void {
    const daemon = this.world.chance.oneOf(this.daemons);
    if (daemon?.life === undefined) return;
    const { disk } = daemon;
    this.happens(fault, daemon.name);
    daemon.life.end();
    if (fault === "daemon: power failure") disk.losePower();
    if (fault === "journal: lost") disk.lose();
    if (fault === "journal: rolled back") disk.rollBack();
  }

  /** Between a daemon's ready and its grant: faults that would hardly ever come there by themselves. */
  private strikeBehindReady(life: Life): void {
    const { chance, faults, history, scheduler } = this.world;
    const daemon = this.daemons.find((each) => each.life === life);
    if (daemon === undefined || life.isFrozen) return;
    if (faults.hits("daemon: asleep behind its ready")) {
      history.note(`FAULT ${life.name} falls asleep behind its ready`);
      life.freeze();
      scheduler.after(chance.real() * 20_000, undefined, () => life.thaw(true));
    } else if (faults.hits("daemon: power failure behind its ready")) {
      life.later(chance.real() * 20, () => {
        history.note(`FAULT ${life.name} loses its power behind its ready`);
        life.end();
        daemon.disk.losePower();
      });
    }
  }

  private stopDaemon(): void {
    const daemon = this.world.chance.oneOf(this.daemons);
    if (daemon?.life?.isAlive !== true || daemon.life.isFrozen) return;
    this.happens("daemon: stopped in good order", daemon.name);
    void daemon.stop();
  }

  private freeze(fault: Fault, lives: readonly Life[], asleep: boolean): void {
    const life = this.world.chance.oneOf(lives.filter(({ isFrozen }) => !isFrozen));
    if (life === undefined) return;
    this.happens(fault, life.name);
    life.freeze();
    const { chance } = this.world;
    const ms = chance.real() * (chance.hits(0.8) ? 12_000 : asleep ? 400_000 : 40_000);
    this.world.scheduler.after(ms, undefined, () => life.thaw(asleep));
  }

  private setWallClock(): void {
    const daemon = this.world.chance.oneOf(this.daemons);
    if (daemon === undefined) return;
    const byMs = this.world.chance.between(-60_000, 60_000);
    this.happens("daemon: wall clock set", `${daemon.name} by ${byMs} ms`);
    daemon.time.wallAheadMs += byMs;
  }

  private startDaemon(daemon: SimDaemon): void {
    void daemon.start(() => {
      this.world.scheduler.after(restartMs(this.world), undefined, () => this.startDaemon(daemon));
    });
  }
}

function living<Process extends ServerProcess>(slots: readonly Slot<Process>[]): readonly Process[] {
  return slots.flatMap(({ process }) => process ?? []);
}
