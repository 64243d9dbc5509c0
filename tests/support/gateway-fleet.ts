import { appendFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { isOutcome } from "../../src/chat/tool-call.ts";
import { systemClock } from "../../src/core/clock.ts";
import { newId } from "../../src/core/ids.ts";
import { logger } from "../../src/core/logger.ts";
import { createDaemon, type Daemon, type DaemonState } from "../../src/daemon/daemon.ts";
import type { GatewayTransport } from "../../src/daemon/gateway-transport.ts";
import { helloFields } from "../../src/daemon/hello-fields.ts";
import { thisMachine } from "../../src/daemon/machine.ts";
import { PolicySource } from "../../src/daemon/policy-source.ts";
import { SqliteJournal } from "../../src/daemon/sqlite-journal.ts";
import { ToolsDaemonService } from "../../src/gateway/tools-daemon-service.ts";
import { type NatsLink, openNats } from "../../src/nats/nats-connection.ts";
import { createMessageCheck } from "../../src/routing/message-check.ts";
import { NATSDaemonRouter } from "../../src/routing/nats-daemon-router.ts";
import { NATSToolBridge } from "../../src/routing/nats-tool-bridge.ts";
import type { RouterStore } from "../../src/routing/tool-request.ts";
import { openStore } from "../../src/store/kysely/kysely-store.ts";
import type { Store } from "../../src/store/store.ts";
import type { Tool } from "../../src/tools/tool.ts";
import { sharedNats } from "./nats-server.ts";
import { tempFolder } from "./temp-folder.ts";

/** A gateway's service with its own way to NATS, as a process of its own would have it. */
interface Gateway {
  readonly service: ToolsDaemonService;
  close(): Promise<void>;
}

export interface FleetDaemon {
  readonly daemon: Daemon;
  readonly userId: string;
  /** What it has told of its state, in order. */
  readonly states: readonly DaemonState[];
}

/**
 * Real gateways and real daemons over NATS and one store, with the times of production; only the stream between them is a
 * function call, dealt out in turn as a TCP balancer does. Each start of the daemons' one tool is a line in a file.
 */
export class GatewayFleet implements AsyncDisposable {
  /** Ids of the calls that the tool was started for, in order. */
  private readonly countFile: string;
  private readonly gateways: (Gateway | undefined)[] = [];
  private next = 0;

  private constructor(
    readonly folder: string,
    readonly store: Store,
    private readonly natsUrl: string,
    private readonly owned: AsyncDisposableStack,
  ) {
    this.countFile = join(folder, "starts");
  }

  static async start(gateways: number): Promise<GatewayFleet> {
    await using closing = new AsyncDisposableStack();
    const folder = await tempFolder("fleet");
    closing.defer(folder.remove);
    const nats = closing.use(await sharedNats());
    const signal = AbortSignal.timeout(10_000);
    const file = join(folder.path, "reliant.db");
    const store = await openStore({ driver: "sqlite", file, clock: systemClock, announce: () => undefined, signal });
    closing.defer(() => store.close());
    const fleet = new GatewayFleet(folder.path, store, nats.url, closing.move());
    for (let index = 0; index < gateways; index++) fleet.gateways.push(await fleet.openGateway());
    fleet.owned.defer(async () => {
      await Promise.all(fleet.gateways.map((gateway) => gateway?.close()));
    });
    return fleet;
  }

  /** As a process that gets SIGTERM, ends, and is started again. Answers how long its daemons took to leave, milliseconds. */
  async restart(index: number, drainMs: number): Promise<number> {
    const gateway = this.gateways[index];
    if (gateway === undefined) throw new Error(`no gateway ${index}`);
    const startedAt = performance.now();
    await gateway.service.drain(drainMs);
    const tookMs = performance.now() - startedAt;
    this.gateways[index] = undefined;
    await gateway.close();
    this.gateways[index] = await this.openGateway();
    return tookMs;
  }

  /** `polled` is told of each call whose outcome was met by looking at the ledger again, and not by being told. */
  async router(polled: (toolCallId: string) => void = () => undefined): Promise<NATSDaemonRouter> {
    const link = await this.openLink("router");
    const { daemons, toolCalls: ledger } = this.store;
    const look = async (at: Parameters<typeof ledger.look>[0]) => {
      const seen = await ledger.look(at);
      if (isOutcome(seen.call.state)) polled(seen.call.id);
      return seen;
    };
    const toolCalls: RouterStore["toolCalls"] = {
      look,
      get: (id) => ledger.get(id),
      dispatch: (call) => ledger.dispatch(call),
      postpone: (call) => ledger.postpone(call),
      endBeforeRunning: (call) => ledger.endBeforeRunning(call),
      markUnreachable: (id, reason) => ledger.markUnreachable(id, reason),
    };
    const router = new NATSDaemonRouter({ store: { daemons, toolCalls }, link, clock: systemClock });
    this.owned.defer(async () => {
      await router.close();
      await link.close();
    });
    return router;
  }

  /** `home`: where its journal is; another one with the same id is a second machine that shows the same identity. */
  async startDaemon(userId: string, daemonId: string, home: string): Promise<FleetDaemon> {
    const path = join(this.folder, home);
    const states: DaemonState[] = [];
    const tool = this.countingTool();
    const daemon = createDaemon({
      transport: this.transport(userId),
      tools: { names: [tool.name], parse: (_, input) => ({ kind: "fits", tool, input }) },
      policy: await PolicySource.open(join(path, "policy.yaml"), []),
      clock: systemClock,
      openJournal: () => SqliteJournal.open(join(path, "journal.db")),
      machine: thisMachine(join(path, "outputs")),
      hello: helloFields({
        ...{ daemonId, userId, instanceId: newId("ins"), name: home, labels: [], version: "0", platform: "test" },
        toolNames: [tool.name],
      }),
      onState: (state) => states.push(state),
    });
    await daemon.start();
    this.owned.defer(() => daemon.stop());
    return { daemon, userId, states };
  }

  async starts(): Promise<string[]> {
    const text = await readFile(this.countFile, "utf8").catch(() => "");
    return text.split("\n").filter((line) => line !== "");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.owned.disposeAsync();
  }

  private countingTool(): Tool {
    return {
      ...{ name: "shell", description: "Counts.", inputSchema: z.unknown(), runsOn: "daemon" },
      timeoutMs: () => 30_000,
      run: async (_, { toolCallId }) => {
        appendFileSync(this.countFile, `${toolCallId}\n`);
        await Bun.sleep(5);
        return { text: "counted", isError: false };
      },
    };
  }

  /** In turn over the gateways; one that is down refuses, as a balancer passes over it. */
  private transport(userId: string): GatewayTransport {
    const identity = { userId, scope: "daemon" } as const;
    return {
      connect: (frames, signal, reached) => {
        for (let tried = 0; tried < this.gateways.length; tried++) {
          const gateway = this.gateways[this.next++ % this.gateways.length];
          if (gateway === undefined) continue;
          reached();
          return gateway.service.connect(frames, { identity, signal });
        }
        throw new Error("no gateway is up");
      },
    };
  }

  private openLink(name: string): Promise<NatsLink> {
    return openNats({ url: this.natsUrl, name, log: logger("test") }, AbortSignal.timeout(10_000));
  }

  private async openGateway(): Promise<Gateway> {
    const gatewayId = newId("gtw");
    const link = await this.openLink(gatewayId);
    const check = createMessageCheck();
    const log = logger("test");
    const hub = { publish: () => undefined };
    const service = new ToolsDaemonService({ gatewayId, store: this.store, hub, check, clock: systemClock, log });
    const bridge = new NATSToolBridge({
      link,
      host: service,
      toolCalls: this.store.toolCalls,
      check,
      clock: systemClock,
      log,
    });
    bridge.start();
    service.start();
    const close = async () => {
      await service.close();
      bridge.close();
      await link.close();
    };
    return { service, close };
  }
}
