import type { Means } from "../../../src/chaos/fault-choice.ts";
import type { RoleKind } from "../../../src/chaos/faults.ts";
import type { ChaosDaemon, Target, Victim } from "../../../src/chaos/target.ts";
import { LINK_NAMES, type LinkName } from "../../../src/stack/links.ts";
import { clients } from "../../../src/stack/stack-client.ts";
import type { StackServer } from "../../../src/stack/stack-server.ts";
import type { ToxicProxy } from "../../../src/stack/toxic-proxy.ts";

/** A stack that writes down what is done to it. */
export class FakeTarget implements Target {
  readonly done: string[] = [];
  readonly name = "a fake stack";
  readonly apiUrl = "http://127.0.0.1:1";
  readonly api = clients("http://127.0.0.1:1", "none");
  readonly model = "";
  means: Means = { wholeStack: true, noSmallDisk: undefined, noPrlimit: undefined, noProxies: undefined };
  readonly api0 = new FakeVictim("api 0", this.done);
  readonly worker0 = new FakeVictim("worker 0", this.done);
  readonly gateway0 = new FakeVictim("gateway 0", this.done);
  readonly laptop: ChaosDaemon & FakeVictim = Object.assign(new FakeVictim("laptop", this.done), {
    ...{ id: "dmn_1", root: "/nowhere" },
    disk: {
      ...{ path: "/small", seenPath: "/small", wrap: [] },
      fill: async () => void this.done.push("fill"),
      free: async () => void this.done.push("free"),
      [Symbol.asyncDispose]: async () => undefined,
    },
  });
  readonly daemons = [this.laptop];

  victims(role: RoleKind): readonly Victim[] {
    return { api: [this.api0], worker: [this.worker0], gateway: [this.gateway0], daemon: this.daemons }[role];
  }

  server(name: string): StackServer {
    const say = (what: string) => async () => void this.done.push(`${what} ${name}`);
    return {
      ...{ name, host: "127.0.0.1", port: 1, url: "" },
      ...{ kill9: say("kill"), restart: say("start"), pause: say("pause"), resume: say("resume"), stop: say("stop") },
      [Symbol.asyncDispose]: say("stop"),
    };
  }

  link(name: LinkName): ToxicProxy | undefined {
    if (!LINK_NAMES.includes(name)) return undefined;
    const say = (what: string) => () => void this.done.push(`${what} ${name}`);
    return {
      ...{ name, port: 1, connections: 0, setUpstreams: say("move"), clearToxics: say("clear") },
      addToxic: (toxic) => {
        this.done.push(`${toxic.kind} ${name}`);
        return say("no more");
      },
      ...{ cut: say("cut"), restore: say("restore"), dropConnections: say("drop") },
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
}

export class FakeVictim implements Victim {
  readonly pid = process.pid;
  isRunning = true;
  /** Set: it does not come back, and this is why. */
  failure: string | undefined;

  constructor(
    readonly name: string,
    private readonly done: string[],
  ) {}

  async kill9(): Promise<void> {
    this.end("kill");
  }

  async terminate(): Promise<void> {
    this.end("terminate");
  }

  pause(): void {
    this.done.push(`pause ${this.name}`);
  }

  resume(): void {
    this.done.push(`resume ${this.name}`);
  }

  async start(): Promise<void> {
    this.done.push(`start ${this.name}`);
    if (this.failure !== undefined) throw new Error(this.failure);
    this.isRunning = true;
  }

  newestOutput(): string {
    return "its last words";
  }

  private end(how: string): void {
    this.done.push(`${how} ${this.name}`);
    this.isRunning = false;
  }
}
