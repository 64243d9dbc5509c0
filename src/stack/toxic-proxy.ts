import { connect, createServer, type Server, type Socket } from "node:net";
import { type Clock, systemClock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { ToxicConnection } from "./toxic-connection.ts";
import type { Toxic } from "./toxics.ts";

/** A port of 127.0.0.1, or any address. */
export type Upstream = number | { readonly host: string; readonly port: number };

export interface ToxicProxyOptions {
  /** For messages. */
  readonly name: string;
  readonly upstreams: readonly Upstream[];
  readonly clock?: Clock;
  /** 0 to 1: jitter and variation. */
  readonly random?: () => number;
}

/** A TCP proxy on a port of 127.0.0.1: a load balancer without affinity, a cable that can be cut, and a bad line. */
export interface ToxicProxy extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** Connections that are open now. */
  readonly connections: number;
  /** Where new connections go; those that stand stay. */
  setUpstreams(upstreams: readonly Upstream[]): void;
  /** In force for all connections, those that stand too, until what this gives is called. Throws `invalid_argument`. */
  addToxic(toxic: Toxic): () => void;
  clearToxics(): void;
  /** Resets all connections, and each new one as soon as it comes, until `restore`. The port stays ours meanwhile. */
  cut(): void;
  restore(): void;
  /** Resets all connections that stand now. */
  dropConnections(): void;
}

/** Listening when this resolves. An upstream that refuses is passed over for the next; where none takes the connection, it is reset. */
export async function startToxicProxy(options: ToxicProxyOptions): Promise<ToxicProxy> {
  const proxy = new TcpToxicProxy(options);
  await proxy.listen();
  return proxy;
}

class TcpToxicProxy implements ToxicProxy {
  readonly name: string;
  private readonly server: Server;
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly established = new Set<ToxicConnection>();
  /** Sockets without a connection around them yet: clients that wait for an upstream, and what is dialled for them. */
  private readonly connecting = new Set<Socket>();
  private upstreams: readonly Upstream[];
  private next = 0;
  private toxics: readonly Toxic[] = [];
  private isCut = false;
  private listenPort = 0;

  constructor(options: ToxicProxyOptions) {
    this.name = options.name;
    this.upstreams = options.upstreams;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? Math.random;
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.accept(client));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", (error) =>
        reject(new ReliantError("unavailable", `start proxy ${this.name}: ${error.message}`, { cause: error })),
      );
      this.server.listen(0, "127.0.0.1", resolve);
    });
    const address = this.server.address();
    if (typeof address === "object" && address !== null) this.listenPort = address.port;
  }

  get port(): number {
    return this.listenPort;
  }

  get connections(): number {
    return this.established.size;
  }

  setUpstreams(upstreams: readonly Upstream[]): void {
    this.upstreams = upstreams;
  }

  addToxic(toxic: Toxic): () => void {
    checkToxic(toxic);
    // A copy, so that each one is told from the others, also where the same is added twice.
    const added = { ...toxic };
    this.setToxics([...this.toxics, added]);
    return () => this.setToxics(this.toxics.filter((one) => one !== added));
  }

  clearToxics(): void {
    this.setToxics([]);
  }

  cut(): void {
    this.isCut = true;
    this.dropConnections();
  }

  restore(): void {
    this.isCut = false;
  }

  dropConnections(): void {
    for (const socket of this.connecting) socket.resetAndDestroy();
    for (const connection of this.established) connection.reset();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.cut();
    await closed;
  }

  private setToxics(toxics: readonly Toxic[]): void {
    if (toxics.length === 0 && this.toxics.length === 0) return;
    this.toxics = toxics;
    for (const connection of this.established) connection.setToxics(toxics);
  }

  private accept(client: Socket): void {
    client.on("error", () => undefined);
    if (this.isCut) {
      client.resetAndDestroy();
      return;
    }
    this.track(client);
    this.dial(client, this.upstreams.length);
  }

  private dial(client: Socket, tries: number): void {
    const upstream = this.upstreams[this.next % this.upstreams.length];
    this.next += 1;
    if (upstream === undefined || tries === 0 || client.destroyed) {
      client.resetAndDestroy();
      return;
    }
    const address = typeof upstream === "number" ? { host: "127.0.0.1", port: upstream } : upstream;
    const socket = connect({ ...address, allowHalfOpen: true, noDelay: true });
    this.track(socket);
    const stopTimer = this.clock.after(TRIAL_LIMITS.toxicConnectMs, () => socket.destroy());
    // `error` or `destroy`: either way it closes without having connected.
    const passOver = () => {
      stopTimer();
      if (this.isCut) client.resetAndDestroy();
      else this.dial(client, tries - 1);
    };
    const abandon = () => socket.destroy();
    socket.on("error", () => undefined);
    socket.once("close", passOver);
    client.once("close", abandon);
    socket.once("connect", () => {
      stopTimer();
      socket.off("close", passOver);
      client.off("close", abandon);
      this.connecting.delete(socket);
      this.connecting.delete(client);
      this.establish(client, socket);
    });
  }

  private establish(client: Socket, upstream: Socket): void {
    const connection = new ToxicConnection(client, upstream, {
      clock: this.clock,
      random: this.random,
      onClosed: () => this.established.delete(connection),
    });
    this.established.add(connection);
    if (this.toxics.length > 0) connection.setToxics(this.toxics);
  }

  private track(socket: Socket): void {
    this.connecting.add(socket);
    socket.once("close", () => this.connecting.delete(socket));
  }
}

/** Every number must be finite and not negative; what is divided by, or counted in, at least 1. */
function checkToxic(toxic: Toxic): void {
  for (const [name, value] of Object.entries(toxic)) {
    if (typeof value !== "number") continue;
    const least = name === "bytesPerSecond" || name === "averageBytes" ? 1 : 0;
    if (Number.isFinite(value) && value >= least) continue;
    throw new ReliantError(
      "invalid_argument",
      `add toxic ${toxic.kind}: ${name} is ${value}; it must be at least ${least}`,
    );
  }
}
