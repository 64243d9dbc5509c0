import { join } from "node:path";
import { Secret } from "../../../src/config/secret.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { ConnectTransport } from "../../../src/daemon/connect-transport.ts";
import { createDaemon, type Daemon, type DaemonState } from "../../../src/daemon/daemon.ts";
import { helloFields } from "../../../src/daemon/hello-fields.ts";
import { thisMachine } from "../../../src/daemon/machine.ts";
import { PolicySource } from "../../../src/daemon/policy-source.ts";
import { SqliteJournal } from "../../../src/daemon/sqlite-journal.ts";
import { createToolCatalog } from "../../../src/tools/catalog.ts";
import { type DaemonConnection, SmallGateway } from "../../support/small-gateway.ts";
import { type TempFolder, tempFolder } from "../../support/temp-folder.ts";

/** A whole daemon, with the real tools, before a small gateway over HTTP/2. */
export class DaemonWorld implements AsyncDisposable {
  readonly states: DaemonState[] = [];
  daemon: Daemon;
  private starts = 0;

  private constructor(
    readonly gateway: SmallGateway,
    readonly folder: TempFolder,
    private policy: PolicySource,
  ) {
    this.daemon = this.createDaemon();
  }

  static async create(): Promise<DaemonWorld> {
    const folder = await tempFolder("daemon");
    await Bun.write(join(folder.path, "project", "README.md"), "# Project\n");
    const policy = await PolicySource.open(join(folder.path, "policy.yaml"), []);
    return new DaemonWorld(await SmallGateway.start(), folder, policy);
  }

  get project(): string {
    return join(this.folder.path, "project");
  }

  get policyPath(): string {
    return join(this.folder.path, "policy.yaml");
  }

  get outputs(): string {
    return join(this.folder.path, "outputs");
  }

  get state(): DaemonState | undefined {
    return this.states.at(-1);
  }

  /** Starts the daemon and welcomes it. */
  async start(): Promise<DaemonConnection> {
    await this.daemon.start();
    const connection = await this.gateway.connection(this.gateway.connections.length);
    connection.welcome(1);
    return connection;
  }

  /** Another process of the same machine. */
  async restart(): Promise<void> {
    await this.daemon.stop();
    this.policy = await PolicySource.open(this.policyPath, []);
    this.daemon = this.createDaemon();
  }

  /** Offers a shell command; its time is a minute. */
  offer(connection: DaemonConnection, toolCallId: string, command: string, timeoutMs = 60_000): void {
    this.offerTool(connection, toolCallId, "shell", { command }, timeoutMs);
  }

  offerTool(
    connection: DaemonConnection,
    toolCallId: string,
    toolName: string,
    input: unknown,
    timeoutMs = 60_000,
    roots = [this.project],
  ): void {
    const invocation = { toolName, inputJson: JSON.stringify(input), roots, timeoutMs: BigInt(timeoutMs), chatId: "c" };
    connection.send({ case: "offer", value: { toolCallId, invocation } });
  }

  /** Answers the call's `ready` with the grant. */
  async grant(connection: DaemonConnection, toolCallId: string): Promise<void> {
    const ready = await connection.next("ready", (frame) => frame.toolCallId === toolCallId);
    const { stamp } = ready;
    connection.send({ case: "grant", value: { toolCallId, ...(stamp === undefined ? {} : { stamp }) } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // First the gateway: a daemon that stops waits for the acks of its results.
    await this.gateway[Symbol.asyncDispose]();
    await this.daemon.stop();
    await this.folder.remove();
  }

  private createDaemon(): Daemon {
    this.starts++;
    const tools = createToolCatalog();
    return createDaemon({
      transport: new ConnectTransport({ url: this.gateway.url, tlsMode: "h2c", token: new Secret("rlnt_pat_test") }),
      tools,
      policy: this.policy,
      clock: systemClock,
      openJournal: () => SqliteJournal.open(join(this.folder.path, "journal.db")),
      machine: thisMachine(this.outputs),
      hello: helloFields({
        daemonId: "",
        userId: "usr_1",
        instanceId: `ins_${this.starts}`,
        name: "laptop",
        labels: ["os=test"],
        version: "0.0.0",
        platform: "test",
        toolNames: tools.names,
      }),
      onState: (state) => this.states.push(state),
    });
  }
}
