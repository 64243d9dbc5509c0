import { join } from "node:path";
import { mintToken } from "../../src/auth/personal-access-token.ts";
import type { Clock } from "../../src/core/clock.ts";
import { newId } from "../../src/core/ids.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { PolicySource } from "../../src/daemon/policy-source.ts";
import { createMessageCheck } from "../../src/routing/message-check.ts";
import type { Store } from "../../src/store/store.ts";
import type { Chance } from "./chance.ts";
import { Cluster } from "./cluster.ts";
import { type Fault, Faults } from "./faults.ts";
import { History } from "./history.ts";
import { LedgerWatch } from "./ledger-watch.ts";
import { Monolith } from "./monolith.ts";
import { checkProof, checkRest, PROOF_MS, REST_MS, type RestParts, STILL_MS, whatMoves } from "./rest.ts";
import { Scheduler } from "./scheduler.ts";
import { withSeededGlobals } from "./seeded-globals.ts";
import { SimEngine } from "./sim-engine.ts";
import { SimNats } from "./sim-nats.ts";
import { SimStore } from "./sim-store.ts";
import { SimTools } from "./sim-tools.ts";
import { StoreWatch } from "./store-watch.ts";
import { type Accepted, Talker } from "./talker.ts";
import type { Topology, TopologyKind } from "./topology.ts";
import { Transcripts } from "./transcripts.ts";
import { Viewer } from "./viewer.ts";
import { World } from "./world.ts";

export interface SimulationOptions {
  readonly seed: number;
  /** Steps under faults; those until everything has come to rest are more. */
  readonly steps: number;
  /** Default: every fourth seed is a monolith. */
  readonly topology?: TopologyKind;
  /** Told of every event as it happens. */
  readonly onEvent?: (line: string) => void;
}

export interface SimulationResult {
  readonly ok: boolean;
  readonly seed: number;
  readonly topology: TopologyKind;
  /** The invariant that did not hold, and how. */
  readonly invariant?: string;
  readonly detail?: string;
  /** The newest events, in words, and a digest of all: byte for byte the same for the same seed. */
  readonly history: readonly string[];
  readonly steps: number;
  readonly virtualMs: number;
  /** Faults by kind. */
  readonly counts: ReadonlyMap<string, number>;
  /** Cases that came. */
  readonly reached: ReadonlyMap<string, number>;
  /** What was achieved meanwhile. */
  readonly done: Readonly<Record<string, number>>;
}

const START_MS = 1_750_000_000_000;
const USERS = ["usr_ada", "usr_bob"];
const TALKERS_PER_USER = 6;
/** Seeds that it divides are monoliths. */
const MONOLITH_EVERY = 4;
/** Heartbeats, polls and the like of a process at rest. */
const TIMERS_AT_REST = 40;
/** Steps between two returns to the process's own event loop: for garbage, and promises that nobody caught. */
const BREATH = 2_000;

/** One run from its seed. Rejects only where the simulation itself is broken. */
export async function runSimulation(options: SimulationOptions): Promise<SimulationResult> {
  const policy = await PolicySource.open(join(import.meta.dir, "policy.yaml"), []);
  return withSeededGlobals(options.seed, (globals) => new Simulation(options, policy, globals.chance).run(globals));
}

class Simulation {
  private readonly world: World;
  private readonly ledger: LedgerWatch;
  private readonly watch: StoreWatch;
  private readonly transcripts: Transcripts;
  private readonly accepted: Accepted[] = [];
  private readonly tokens = new Map<string, string>();
  private readonly clock: Clock;
  private readonly kind: TopologyKind;
  private steps = 0;

  constructor(
    private readonly options: SimulationOptions,
    private readonly policy: PolicySource,
    chance: Chance,
  ) {
    this.kind = options.topology ?? (options.seed % MONOLITH_EVERY === 0 ? "monolith" : "cluster");
    const scheduler = new Scheduler(START_MS);
    const history = new History(() => scheduler.nowMs - START_MS, options.onEvent ?? (() => undefined));
    this.world = new World(chance, scheduler, new Faults(chance), history);
    this.clock = this.world.begin("observer").clock;
    this.ledger = new LedgerWatch(this.world);
    this.watch = new StoreWatch(this.world, this.ledger);
    this.transcripts = new Transcripts(this.world, this.watch);
  }

  async run(globals: { readonly use: (scheduler: Scheduler) => void }): Promise<SimulationResult> {
    globals.use(this.world.scheduler);
    const store = await SimStore.open(this.world, this.watch, this.clock);
    const direct = store.direct(this.clock);
    const parts = await this.build(store, direct);
    const unhandled = (error: unknown) => this.world.fail("no-promise-is-lost", `nobody catches: ${String(error)}`);
    process.on("unhandledRejection", unhandled);
    try {
      await this.underFaults(parts, direct);
      await this.toRest(parts);
    } finally {
      process.off("unhandledRejection", unhandled);
      for (const life of this.world.lives) life.end();
      for (const machine of parts.topology.machines) machine.close();
      store.close();
      this.world.scheduler.close();
    }
    return this.result(parts);
  }

  private async build(store: SimStore, direct: Store): Promise<RestParts> {
    const { world, watch, ledger, transcripts, accepted } = this;
    const userIds: string[] = [];
    for (const subject of this.kind === "monolith" ? USERS.slice(0, 1) : USERS) {
      const user = await direct.users.findOrCreate({ issuer: "simulation", subject });
      userIds.push(user.id);
      this.tokens.set(user.id, await this.mint(direct, user.id, "api"));
    }
    const topology = this.topologyOf(store, direct, userIds);
    const talkers: Talker[] = [];
    const viewers: Viewer[] = [];
    for (const [index, userId] of userIds.entries()) {
      const chats: string[] = [];
      const client = {
        ...{ world, watch, userId, accepted, transcripts, apis: () => topology.apis },
        token: () => this.tokens.get(userId) ?? "",
        refused: () => void this.mint(direct, userId, "api").then((token) => this.tokens.set(userId, token)),
      };
      for (let number = 1; number <= TALKERS_PER_USER; number++) {
        talkers.push(new Talker({ ...client, chats }, `talker-${index + 1}${number}`));
      }
      for (const number of index === 0 ? [1, 2] : [1]) {
        const viewer = new Viewer({ ...client, watch, chats: () => chats }, `viewer-${index + 1}${number}`);
        viewers.push(viewer);
      }
    }
    return { world, watch, ledger, store, topology, talkers, viewers, transcripts, accepted };
  }

  private topologyOf(store: SimStore, direct: Store, userIds: readonly string[]): Topology {
    const { world } = this;
    const parts = { world, store, tools: new SimTools(world, this.ledger), check: createMessageCheck() };
    const [ada = "", bob = ""] = userIds;
    if (this.kind === "monolith") return new Monolith(parts, this.policy, ada);
    let cluster: Cluster | undefined;
    const engine = new SimEngine(world, () => cluster?.workers ?? []);
    const machines = [ada, ada, ada, bob, bob].map((userId) => ({ userId, daemonId: newId("dmn") }));
    const newToken = (userId: string) => this.mint(direct, userId, "daemon");
    cluster = new Cluster({ ...parts, engine, nats: new SimNats(world) }, this.policy, machines, newToken);
    return cluster;
  }

  private async underFaults(parts: RestParts, direct: Store): Promise<void> {
    this.ledger.onMoved = ({ toolCallId, to }) => {
      if (to === "dispatched") this.cancelSoon(parts, toolCallId, "client: cancels what was just dispatched");
      if (to === "running") this.cancelSoon(parts, toolCallId, "client: cancels what just runs");
    };
    parts.topology.onHeldBack = (toolCallId) => this.cancelSoon(parts, toolCallId, "client: cancels what is held back");
    for (const talker of parts.talkers) void talker.talk();
    for (const viewer of parts.viewers) void viewer.follow();
    const until = this.options.steps;
    await this.drive(parts, () => {
      for (const fault of this.world.faults.due()) {
        this.inject(parts, direct, fault);
        this.world.scheduler.settle();
      }
      return this.steps < until;
    });
  }

  /** The faults end: everything goes on, and must come to rest; then nothing moves any more. */
  private async toRest(parts: RestParts): Promise<void> {
    const { world } = this;
    if (world.broken !== undefined) return;
    world.faults.on = false;
    world.history.note("the faults end");
    for (const life of world.lives) life.thaw(false);
    parts.store.away = false;
    await this.untilRest(parts, REST_MS);
    if (world.broken !== undefined) return;
    const changes = this.watch.changes;
    const stillUntilMs = world.nowMs + STILL_MS;
    await this.drive(parts, () => world.nowMs < stillUntilMs);
    if (this.watch.changes !== changes) world.fail("comes-to-rest", "something moved once everything was at rest");
    this.checkHeld(parts);
    world.isProving = true;
    for (const talker of parts.talkers) void talker.prove();
    await this.untilRest(parts, PROOF_MS);
    if (world.broken === undefined) {
      checkProof(parts);
      this.checkHeld(parts);
    }
    await checkRest(parts, this.clock);
  }

  /** At rest nobody holds anything: what leaks is far below its bound for a long time. */
  private checkHeld({ topology }: RestParts): void {
    const { world } = this;
    for (const { life, service } of topology.gateways) {
      bound(world, service.stats().openCalls, 0, `open calls of ${life.name} at rest`);
    }
    for (const { life } of topology.servers)
      bound(world, life.timers, TIMERS_AT_REST, `timers of ${life.name} at rest`);
    for (const { name, timers } of topology.machines) bound(world, timers, TIMERS_AT_REST, `timers of ${name} at rest`);
  }

  private async untilRest(parts: RestParts, withinMs: number): Promise<void> {
    const { world } = this;
    const endsAtMs = world.nowMs + withinMs;
    await this.drive(parts, () => {
      if (this.steps % 50 !== 0) return true;
      const moving = whatMoves(parts);
      if (moving.length > 0 && world.nowMs > endsAtMs) world.fail("comes-to-rest", moving.join("; "));
      return moving.length > 0;
    });
  }

  /** Step after step, with the invariants after each, until `goOn` says no or one of them is broken. */
  private async drive(parts: RestParts, goOn: () => boolean): Promise<void> {
    const { scheduler } = this.world;
    let wantsMore = true;
    while (wantsMore && this.world.broken === undefined) {
      await fromEventLoop(() => {
        for (let step = 0; step < BREATH && wantsMore && this.world.broken === undefined; step++) {
          this.steps++;
          if (!scheduler.step()) this.world.fail("comes-to-rest", "nothing is left to happen, not even a timer");
          this.check(parts);
          wantsMore = goOn();
        }
      });
    }
  }

  /** What must hold after every step, beside what is checked where it happens. */
  private check({ watch, topology }: RestParts): void {
    const { world } = this;
    for (const chatId of watch.running.keys()) {
      if ((watch.outbox.get(chatId) ?? 0) > 0 || topology.moves(chatId)) continue;
      world.fail("nobody-stuck", `${world.history.name(chatId)} is running, and nobody will move it`);
    }
    if (this.steps % 100 !== 0) return;
    for (const { life, store } of topology.servers) {
      const { writeQueueDepth } = store.stats();
      bound(world, writeQueueDepth, LIMITS.writeQueueEntries, `write queue of ${life.name}`);
      bound(world, life.timers, 1_000, `timers of ${life.name}`);
    }
    for (const { life, service } of topology.gateways) {
      bound(world, service.stats().openCalls, LIMITS.daemonOpenCalls, `open calls of ${life.name}`);
    }
    for (const { name, openEntries, timers } of topology.machines) {
      bound(world, openEntries, LIMITS.daemonOpenCalls, `journal of ${name}`);
      bound(world, timers, 500, `timers of ${name}`);
    }
    bound(world, world.scheduler.waiting, 50_000, "events under way");
  }

  /** Within the milliseconds that a call takes to its next state. */
  private cancelSoon(parts: RestParts, toolCallId: string, fault: Fault): void {
    const { faults, chance, scheduler } = this.world;
    if (!faults.hits(fault)) return;
    const find = parts.store.sqlite.prepare<{ readonly chat_id: string }, [string]>(
      "select chat_id from tool_calls where id = ?",
    );
    const chatId = find.get(toolCallId)?.chat_id;
    const talker = parts.talkers.find((each) => each.chatId === chatId);
    scheduler.after(chance.real() * 40, undefined, () => void talker?.cancel());
  }

  private inject(parts: RestParts, direct: Store, fault: Fault): void {
    const { world } = this;
    switch (fault) {
      case "client: cancels":
        void world.chance.oneOf(parts.talkers)?.cancel();
        return;
      case "client: connects again":
        world.faults.count(fault);
        world.chance.oneOf(parts.viewers)?.reconnect();
        return;
      case "token: of a client revoked":
        this.revoke(direct, "api", fault);
        return;
      case "token: of a daemon revoked":
        this.revoke(direct, "daemon", fault);
        return;
      default:
        parts.topology.inject(fault);
    }
  }

  private revoke(direct: Store, scope: "api" | "daemon", fault: Fault): void {
    const userId = this.world.chance.oneOf([...this.tokens.keys()]) ?? "";
    this.world.faults.count(fault);
    this.world.history.note(`FAULT ${fault} (${this.world.history.name(userId)})`);
    void direct.tokens.list(userId).then((tokens) => {
      const inForce = tokens.filter((token) => token.scope === scope && token.revokedAtMs === undefined);
      for (const { id } of inForce) void direct.tokens.revoke(userId, id);
    });
  }

  private async mint(direct: Store, userId: string, scope: "api" | "daemon"): Promise<string> {
    const { secret, prefix, hash } = mintToken();
    await direct.tokens.create({ id: newId("tok"), userId, name: scope, scope, prefix, hash });
    return secret;
  }

  private result({ topology, ledger, accepted, watch }: RestParts): SimulationResult {
    const { world, options } = this;
    const { broken } = world;
    return {
      ok: broken === undefined,
      seed: options.seed,
      topology: this.kind,
      ...(broken === undefined ? {} : { invariant: broken.invariant, detail: broken.message }),
      history: world.history.tail(),
      steps: this.steps,
      virtualMs: world.nowMs - START_MS,
      counts: world.faults.counts,
      reached: world.reach.counts,
      done: {
        "messages accepted": accepted.length,
        "tools executed": ledger.executions,
        "starts behind an unknown": ledger.startsAfterUnknown,
        "attempts at steps": topology.attempts,
        commits: watch.changes,
        ...Object.fromEntries([...ledger.outcomes].map(([outcome, count]) => [`calls ${outcome}`, count])),
      },
    };
  }
}

/** Runs it with no promise's continuation below it: only then can it have all of them run. */
function fromEventLoop(run: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(() => {
      try {
        run();
        resolve();
      } catch (error) {
        reject(error);
      }
    }, 0);
  });
}

function bound(world: World, size: number, most: number, what: string): void {
  if (size > most) world.fail("queues-bounded", `${what}: ${size}, at most ${most}`);
}
