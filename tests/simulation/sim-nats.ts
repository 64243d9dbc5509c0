import type { PublishOptions } from "nats";
import { logger } from "../../src/core/logger.ts";
import { NatsLink } from "../../src/nats/nats-connection.ts";
import type { NatsMessage, NatsPeer, NatsSubscription } from "../../src/nats/nats-peer.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

type Handler = Parameters<NatsPeer["subscribe"]>[1];

interface Subscriber {
  readonly peer: SimPeer;
  readonly subject: string;
  readonly pattern: readonly string[];
  readonly queue: string | undefined;
  readonly handler: Handler;
}

interface Published {
  readonly subject: string;
  readonly body: string;
  readonly reply: string | undefined;
  readonly headers: { readonly code: number; get(name: string): string } | undefined;
}

const NO_RESPONDERS = { code: 503, get: () => "" };

/** The NATS server of the run: subjects with wildcards, queue groups, "no responders"; and a network that it is reached by. */
export class SimNats {
  private readonly subscribers = new Set<Subscriber>();
  /** Messages on their way now, and the most there were. */
  private underWay = 0;
  mostUnderWay = 0;

  constructor(private readonly world: World) {}

  /** A process's connection, behind the production link. */
  connect(life: Life): { readonly link: NatsLink<NatsPeer>; readonly peer: SimPeer } {
    const peer = new SimPeer(this, this.world, life);
    life.whenEnded(() => this.forgetLater(peer));
    return { link: new NatsLink<NatsPeer>(peer, logger("simulation", "nats"), life.clock), peer };
  }

  subscribe(subscriber: Subscriber): void {
    this.subscribers.add(subscriber);
  }

  unsubscribe(subscriber: Subscriber): void {
    this.subscribers.delete(subscriber);
  }

  /** From a process to the server, and from there to whoever listens. */
  publish(message: Published): void {
    const { faults } = this.world;
    const copies = faults.hits("nats: message doubled") ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (faults.hits("nats: message dropped")) {
        this.world.history.note(`FAULT nats drops a message on ${kindOf(message.subject)}`);
        continue;
      }
      this.underWay++;
      this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
      this.world.scheduler.after(this.wayMs(), undefined, () => {
        this.underWay--;
        this.deliver(message);
      });
    }
  }

  private deliver(message: Published): void {
    const to = this.listeners(message.subject);
    for (const subscriber of to) subscriber.peer.take(subscriber.handler, message);
    if (to.length > 0 || message.reply === undefined) return;
    const { reply } = message;
    this.world.scheduler.after(this.world.latencyMs(), undefined, () => {
      const nobody = { subject: reply, body: "", reply: undefined, headers: NO_RESPONDERS };
      for (const asker of this.listeners(reply)) asker.peer.take(asker.handler, nobody);
    });
  }

  /** Everybody who listens without a queue group, and one of each group. */
  private listeners(subject: string): readonly Subscriber[] {
    const tokens = subject.split(".");
    const found = [...this.subscribers].filter(({ pattern }) => matches(pattern, tokens));
    const groups = Map.groupBy(found, ({ queue }) => queue);
    const alone = groups.get(undefined) ?? [];
    groups.delete(undefined);
    const chosen = [...groups.values()].flatMap((group) => this.world.chance.oneOf(group) ?? []);
    return [...alone, ...chosen];
  }

  private wayMs(): number {
    const { world } = this;
    if (world.faults.hits("nats: message delayed")) return world.longMs();
    if (world.faults.hits("nats: messages reordered")) return world.latencyMs() + world.chance.real() * 60;
    return world.latencyMs();
  }

  /** The server learns that a process has ended: at once, or when its pings stay without an answer. */
  private forgetLater(peer: SimPeer): void {
    const ms = this.world.chance.hits(0.8) ? this.world.latencyMs() : this.world.longMs();
    this.world.scheduler.after(ms, undefined, () => {
      for (const subscriber of this.subscribers) if (subscriber.peer === peer) this.subscribers.delete(subscriber);
    });
  }
}

/** One process's connection: what production code sees of nats.js. */
export class SimPeer implements NatsPeer {
  private readonly subscriptions = new Set<Subscriber>();
  private standing = true;
  private readonly statuses: { readonly type: string; readonly data: unknown }[] = [];
  private wakeStatus: (() => void) | undefined;

  constructor(
    private readonly server: SimNats,
    private readonly world: World,
    readonly life: Life,
  ) {}

  subscribe(subject: string, handler: Handler): NatsSubscription {
    const pattern = subject.split(".");
    const subscriber: Subscriber = { peer: this, subject, pattern, queue: handler.queue, handler };
    this.subscriptions.add(subscriber);
    // The server hears of it a moment later, in the order in which it was said.
    this.toServer(() => this.subscriptions.has(subscriber) && this.server.subscribe(subscriber));
    return {
      drain: async () => {
        this.subscriptions.delete(subscriber);
        this.server.unsubscribe(subscriber);
      },
      unsubscribe: () => {
        this.subscriptions.delete(subscriber);
        this.server.unsubscribe(subscriber);
      },
    };
  }

  publish(subject: string, body: string, options?: PublishOptions): void {
    if (!this.life.isAlive || !this.standing) return;
    const reply = options?.reply;
    const headers = options?.headers;
    this.server.publish({ subject, body, reply, headers });
  }

  flush(): Promise<void> {
    if (!this.standing) return new Promise(() => undefined);
    return new Promise((resolve) => this.toServer(() => this.life.later(this.world.latencyMs(), resolve)));
  }

  async drain(): Promise<void> {
    await this.flush();
    await this.close();
  }

  async close(): Promise<void> {
    for (const subscriber of this.subscriptions) this.server.unsubscribe(subscriber);
    this.subscriptions.clear();
  }

  closed(): Promise<unknown> {
    return new Promise(() => undefined);
  }

  isClosed(): boolean {
    return false;
  }

  async *status(): AsyncGenerator<{ readonly type: string; readonly data: unknown }> {
    for (;;) {
      const status = this.statuses.shift();
      if (status !== undefined) yield status;
      else {
        await new Promise<void>((resolve) => {
          this.wakeStatus = resolve;
        });
      }
    }
  }

  /** A message reaches the process. */
  take(handler: Handler, message: Published): void {
    if (!this.standing) return;
    const { subject, body, reply, headers } = message;
    const data = body === "" ? EMPTY : FULL;
    const received: NatsMessage = {
      ...{ subject, data, string: () => body },
      ...(reply === undefined ? {} : { reply }),
      ...(headers === undefined ? {} : { headers }),
      respond: (text) => {
        if (reply === undefined) return false;
        this.publish(reply, text);
        return true;
      },
    };
    this.life.later(0, () => {
      if ([...this.subscriptions].some((each) => each.handler === handler)) handler.callback(null, received);
    });
  }

  /** The connection is away; what is published meanwhile, or was on its way here, is lost. */
  lose(): void {
    if (!this.standing) return;
    this.standing = false;
    for (const subscriber of this.subscriptions) this.server.unsubscribe(subscriber);
    this.tell("disconnect");
  }

  comeBack(): void {
    if (this.standing) return;
    this.standing = true;
    for (const subscriber of this.subscriptions) this.server.subscribe(subscriber);
    this.tell("reconnect");
  }

  private tell(type: string): void {
    this.statuses.push({ type, data: undefined });
    this.wakeStatus?.();
  }

  private toServer(arrive: () => void): void {
    this.world.scheduler.after(0.1, undefined, () => {
      if (this.life.isAlive && this.standing) arrive();
    });
  }
}

const EMPTY = new Uint8Array(0);
/** Nobody reads the bytes of a body that is not empty: `string` has them. */
const FULL = new Uint8Array(1);

function matches(pattern: readonly string[], subject: readonly string[]): boolean {
  for (const [at, token] of pattern.entries()) {
    if (token === ">") return subject.length > at;
    if (at >= subject.length || (token !== "*" && token !== subject[at])) return false;
  }
  return pattern.length === subject.length;
}

/** The subject without its ids. */
function kindOf(subject: string): string {
  return subject.startsWith("_INBOX") ? "an inbox" : subject.split(".").slice(0, 2).join(".");
}
