import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import { newId } from "../../../src/core/ids.ts";
import { createDaemon, type Daemon, type DaemonState } from "../../../src/daemon/daemon.ts";
import { helloFields } from "../../../src/daemon/hello-fields.ts";
import { thisMachine } from "../../../src/daemon/machine.ts";
import { PolicySource } from "../../../src/daemon/policy-source.ts";
import { SqliteJournal } from "../../../src/daemon/sqlite-journal.ts";
import type { ToolsDaemonService } from "../../../src/gateway/tools-daemon-service.ts";
import type { ConnectRequest, ConnectResponse } from "../../../src/gen/reliant/v1/daemon_pb.ts";
import { createToolCatalog } from "../../../src/tools/catalog.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeStore } from "../../support/fake-store.ts";
import { gatewayOver, requestOf } from "../../support/gateway-world.ts";
import { type TempFolder, tempFolder } from "../../support/temp-folder.ts";

setDefaultTimeout(30_000);

/** The real daemon with its real journal and tools, before real gateways over one ledger; only the network is a function call. */
class House implements AsyncDisposable {
  readonly store = new FakeStore();
  readonly services: ToolsDaemonService[] = [];
  state: DaemonState | undefined;
  daemon: Daemon | undefined;
  /** The gateway that the next connection comes to, and what it has to wait for on its way. */
  next = 0;
  road: Promise<void> = Promise.resolve();
  connects = 0;

  private constructor(private readonly folder: TempFolder) {
    for (const gatewayId of ["gtw_0", "gtw_1"]) this.services.push(gatewayOver(this.store, { gatewayId }).service);
  }

  static async create(): Promise<House> {
    const folder = await tempFolder("house");
    await mkdir(join(folder.path, "project"));
    return new House(folder);
  }

  get project(): string {
    return join(this.folder.path, "project");
  }

  async start(): Promise<void> {
    const tools = createToolCatalog();
    this.daemon = createDaemon({
      transport: { connect: (frames, signal) => this.connect(frames, signal) },
      tools,
      policy: await PolicySource.open(join(this.folder.path, "policy.yaml"), []),
      clock: systemClock,
      openJournal: () => SqliteJournal.open(join(this.folder.path, "journal.db")),
      machine: thisMachine(join(this.folder.path, "outputs")),
      hello: helloFields({
        daemonId: "dmn_ada",
        userId: "usr_ada",
        instanceId: newId("ins"),
        name: "laptop",
        labels: [],
        version: "0",
        platform: "test",
        toolNames: tools.names,
      }),
      onState: (state) => {
        this.state = state;
      },
    });
    await this.daemon.start();
    await this.connectedTo(this.next);
  }

  private async *connect(frames: AsyncIterable<ConnectRequest>, signal: AbortSignal): AsyncGenerator<ConnectResponse> {
    const service = this.service(this.next);
    this.connects++;
    await this.road;
    yield* service.connect(frames, { identity: { userId: "usr_ada", scope: "daemon" }, signal });
  }

  /** The gateway's id where the daemon is connected. */
  async connectedTo(index: number): Promise<void> {
    await eventually(`the daemon at gtw_${index}`, () => {
      const link = this.state?.link;
      return link?.kind === "connected" && link.gatewayId === `gtw_${index}`;
    });
  }

  service(index: number): ToolsDaemonService {
    const service = this.services[index];
    if (service === undefined) throw new Error(`no gateway ${index}`);
    return service;
  }

  /** Requests, dispatches and offers a shell command. */
  async call(command: string): Promise<string> {
    const call = this.store.request("usr_ada");
    const times = { timeoutMs: 60_000, deadlineAtMs: Date.now() + 120_000 };
    await this.store.toolCalls.dispatch({ toolCallId: call.id, daemonId: "dmn_ada", ...times });
    this.offer(call.id, command);
    return call.id;
  }

  offer(toolCallId: string, command: string): void {
    const link = this.state?.link;
    if (link?.kind !== "connected") throw new Error("the daemon is not connected");
    const call = this.store.calls.get(toolCallId);
    if (call === undefined) throw new Error(`no call ${toolCallId}`);
    const over = { toolName: "shell", inputJson: JSON.stringify({ command }), roots: [this.project] };
    const address = { userId: "usr_ada", daemonId: "dmn_ada", epoch: link.epoch };
    expect(this.service(this.next).offer(address, requestOf(call, "dmn_ada", over))).toBe("accepted");
  }

  async ends(toolCallId: string, state: string): Promise<void> {
    await eventually(`${toolCallId} to be ${state}`, () => this.store.state(toolCallId) === state);
  }

  /** Lines of a file in the project: what tools have counted. */
  async count(name: string): Promise<number> {
    const file = Bun.file(join(this.project, name));
    return (await file.exists()) ? (await file.text()).split("\n").length - 1 : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.services) await service.close();
    await this.daemon?.stop();
    await this.folder.remove();
  }
}

describe("the daemon and the gateway", () => {
  test("give one call one outcome, however often it is offered", async () => {
    await using house = await House.create();
    await house.start();
    const id = await house.call("echo once >> ran");
    for (let again = 0; again < 3; again++) house.offer(id, "echo once >> ran");
    await house.ends(id, "succeeded");
    house.offer(id, "echo once >> ran");
    await eventually("every call to be acked", () => house.state?.openCalls === 0);
    expect(await house.count("ran")).toBe(1);
  });

  test("carry a running call over to the other gateway when the first one is about to stop", async () => {
    await using house = await House.create();
    await house.start();
    const id = await house.call("echo once >> ran; while ! test -e go; do sleep 0.02; done; exit 1");
    await eventually("the tool to run", async () => (await house.count("ran")) === 1);
    house.next = 1;
    const draining = house.service(0).drain(5000);
    await house.connectedTo(1);
    await draining;
    house.offer(id, "echo once >> ran");
    await Bun.write(join(house.project, "go"), "");
    await house.ends(id, "failed");
    expect(await house.count("ran")).toBe(1);
  });

  test("agree that a call has ended which was acked while the hello that told of it was on its way", async () => {
    await using house = await House.create();
    await house.start();
    const id = await house.call("echo once >> ran; while ! test -e go; do sleep 0.02; done");
    await eventually("the tool to run", async () => (await house.count("ran")) === 1);
    const road = Promise.withResolvers<void>();
    [house.next, house.road] = [1, road.promise];
    const draining = house.service(0).drain(5000);
    await eventually("the daemon to set out", () => house.connects === 2);
    await Bun.write(join(house.project, "go"), "");
    await eventually("the ack of the first gateway", () => house.state?.openCalls === 0);
    road.resolve();
    await house.connectedTo(1);
    await draining;
    const counted = () => house.service(1).stats();
    await eventually("the second gateway to count no call as open", () => counted().openCalls === 0, {
      timeoutMs: 5000,
    });
    expect(counted().daemons).toBe(1);
    expect([house.store.state(id), await house.count("ran")]).toEqual(["succeeded", 1]);
  });

  test("end a running call as cancelled when the daemon is stopped, and never run it again", async () => {
    await using house = await House.create();
    await house.start();
    const id = await house.call("echo once >> ran; sleep 300");
    await eventually("the tool to run", async () => (await house.count("ran")) === 1);
    await house.daemon?.stop();
    await house.ends(id, "cancelled");
    await house.start();
    house.offer(id, "echo once >> ran");
    await eventually("every call to be acked", () => house.state?.openCalls === 0);
    expect([house.store.state(id), await house.count("ran")]).toEqual(["cancelled", 1]);
  });
});
