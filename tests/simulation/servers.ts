import { type Activities, createActivities } from "../../src/activities/activities.ts";
import { chooseDaemonFrom } from "../../src/activities/choose-daemon.ts";
import { ChatApi } from "../../src/api/chat-service.ts";
import { OutboxRepeater } from "../../src/api/outbox-repeater.ts";
import { RunWatch } from "../../src/api/run-watch.ts";
import { SequencePoller } from "../../src/api/sequence-poller.ts";
import { StreamingApi } from "../../src/api/streaming-service.ts";
import { WakeQueue } from "../../src/api/wake-queue.ts";
import { DBPATValidator } from "../../src/auth/db-pat-validator.ts";
import type { Identity } from "../../src/auth/identity.ts";
import { newId } from "../../src/core/ids.ts";
import { logger } from "../../src/core/logger.ts";
import type { WorkflowEngine } from "../../src/engine/workflow-engine.ts";
import { ToolsDaemonService } from "../../src/gateway/tools-daemon-service.ts";
import type { DaemonRouter } from "../../src/routing/daemon-router.ts";
import type { MessageCheck } from "../../src/routing/message-check.ts";
import { NATSDaemonRouter } from "../../src/routing/nats-daemon-router.ts";
import { NATSToolBridge } from "../../src/routing/nats-tool-bridge.ts";
import { authenticate } from "../../src/rpc/identity-gate.ts";
import type { Announcement, Store } from "../../src/store/store.ts";
import { NATSUpdateHub } from "../../src/updates/nats-update-hub.ts";
import type { UpdateHub } from "../../src/updates/update-hub.ts";
import type { Life } from "./life.ts";
import type { SimEngine, WorkerProcess } from "./sim-engine.ts";
import { simModel } from "./sim-model.ts";
import type { SimNats, SimPeer } from "./sim-nats.ts";
import type { SimStore } from "./sim-store.ts";
import type { StreamTarget } from "./sim-stream.ts";
import type { SimTools } from "./sim-tools.ts";
import type { World } from "./world.ts";

/** What any process of a run is made of. */
export interface MonolithParts {
  readonly world: World;
  readonly store: SimStore;
  readonly tools: SimTools;
  readonly check: MessageCheck;
}

/** What the servers of a run share. */
export interface ServerParts extends MonolithParts {
  readonly nats: SimNats;
  readonly engine: SimEngine;
}

/** Any server, for the faults that all have. */
export interface ServerProcess {
  readonly life: Life;
  readonly peer: SimPeer;
  readonly store: Store;
}

export interface GatewayProcess extends ServerProcess, StreamTarget {
  readonly service: ToolsDaemonService;
}

/** A replica of the API as its clients reach it. */
export interface ApiReplica {
  readonly life: Life;
  readonly store: Store;
  readonly chats: ChatApi;
  readonly streaming: StreamingApi;
  identify(token: string, scope: Identity["scope"]): Promise<Identity>;
}

export interface ApiProcess extends ServerProcess, ApiReplica {}

/** What each server has: the store and NATS, as wiring/backends.ts puts them together. */
function openBackends({ world, store, nats }: ServerParts, name: string) {
  const life = world.begin(name);
  let announce: (announcement: Announcement) => void = () => undefined;
  const opened = store.of(life, (announcement) => announce(announcement), true);
  const { link, peer } = nats.connect(life);
  const hub = new NATSUpdateHub({ link, log: logger("simulation", "updates") });
  announce = (announcement) => hub.publish(announcement);
  return { life, store: opened, link, peer, hub };
}

export function startGateway(parts: ServerParts, name: string): GatewayProcess {
  const { life, store, link, peer, hub } = openBackends(parts, name);
  const { clock } = life;
  const log = logger("simulation", "gateway");
  const service = new ToolsDaemonService({ gatewayId: newId("gtw"), store, hub, check: parts.check, clock, log });
  const bridge = new NATSToolBridge({
    link,
    host: service,
    toolCalls: store.toolCalls,
    check: parts.check,
    clock,
    log,
  });
  bridge.start();
  service.start();
  const verifier = new DBPATValidator({ store, clock });
  return {
    ...{ life, peer, store, service },
    admit: (token, signal) => authenticate(verifier, `Bearer ${token}`, "daemon", signal),
    connect: (frames, caller) => service.connect(frames, caller),
  };
}

export function startWorker(parts: ServerParts, name: string): WorkerProcess & ServerProcess {
  const { life, store, link, peer, hub } = openBackends(parts, name);
  const { clock } = life;
  const activities: Activities = createActivities({
    ...{ store, hub, clock },
    models: simModel(parts.world, life),
    tools: parts.tools.of(life),
    router: new NATSDaemonRouter({ store, link, clock }),
    chooseDaemon: chooseDaemonFrom(store.daemons, clock),
  });
  return { life, peer, store, activities };
}

export function startApi(parts: ServerParts, name: string): ApiProcess {
  const { life, store, link, peer, hub } = openBackends(parts, name);
  const engine = parts.engine.clientOf(life);
  const router = new NATSDaemonRouter({ store, link, clock: life.clock });
  return { ...openApi({ life, store, hub, engine, router }), peer };
}

export interface OpenApiParts {
  readonly life: Life;
  readonly store: Store;
  readonly hub: UpdateHub;
  readonly engine: WorkflowEngine;
  readonly router: DaemonRouter;
}

/** The API of any process, as wiring/api-app.ts puts it together. */
export function openApi({ life, store, hub, engine, router }: OpenApiParts): ApiReplica {
  const { clock } = life;
  const poller = new SequencePoller({ store, clock });
  const verifier = new DBPATValidator({ store, clock });
  poller.start();
  new OutboxRepeater({ store, engine, clock }).start();
  new RunWatch({ store, engine, clock }).start();
  return {
    ...{ life, store },
    chats: new ChatApi({
      ...{ store, engine, router, checkModel: () => undefined, defaultModel: "sim/model" },
      wakes: new WakeQueue({ store, engine, clock }),
    }),
    streaming: new StreamingApi({ store, hub, poller, clock }),
    identify: (token, scope) => authenticate(verifier, `Bearer ${token}`, scope, new AbortController().signal),
  };
}
