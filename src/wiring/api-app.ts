import type { Apis } from "../api/apis.ts";
import { ChatApi } from "../api/chat-service.ts";
import { apiConnectRoutes } from "../api/connect-routes.ts";
import { DaemonAdminApi } from "../api/daemon-admin-service.ts";
import { OutboxRepeater } from "../api/outbox-repeater.ts";
import { ProjectApi } from "../api/project-service.ts";
import { restRoutes } from "../api/rest-routes.ts";
import { RunWatch } from "../api/run-watch.ts";
import { SequencePoller } from "../api/sequence-poller.ts";
import { StreamingApi } from "../api/streaming-service.ts";
import { TokenApi } from "../api/token-service.ts";
import { WakeQueue } from "../api/wake-queue.ts";
import type { IdentityVerifier } from "../auth/identity.ts";
import { systemClock as clock } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import type { WorkflowEngine } from "../engine/workflow-engine.ts";
import { Health } from "../gen/grpc/health/v1/health_pb.ts";
import { startDebugServer } from "../ops/debug-server.ts";
import { healthRoutes } from "../ops/grpc-health.ts";
import type { DaemonRouter } from "../routing/daemon-router.ts";
import { errorInterceptor } from "../rpc/error-interceptor.ts";
import { identityGate } from "../rpc/identity-gate.ts";
import { requestLogInterceptor } from "../rpc/request-log-interceptor.ts";
import { RequestValidator } from "../rpc/request-validator.ts";
import { openRpcServer } from "../rpc/rpc-server.ts";
import type { TlsMaterial } from "../rpc/tls-material.ts";
import { validationInterceptor } from "../rpc/validation-interceptor.ts";
import type { Store } from "../store/store.ts";
import type { UpdateHub } from "../updates/update-hub.ts";
import { listening, type ServerParts } from "./server-process.ts";

export interface ApiAppDeps {
  readonly role: "api" | "monolith";
  readonly store: Store;
  readonly engine: WorkflowEngine;
  readonly router: DaemonRouter;
  readonly hub: UpdateHub;
  readonly verifier: IdentityVerifier;
  readonly checkModel: (name: string) => void;
  readonly defaultModel: string | undefined;
  readonly tls: TlsMaterial | undefined;
}

interface ApiPorts {
  readonly apiPort: number;
  readonly grpcPort: number;
  readonly pprofPort: number;
  readonly bindAddress: string;
  readonly corsOrigins: readonly string[];
}

/** The API on its ports. */
interface ApiApp {
  /** The HTTP port that is really listened on. */
  readonly httpPort: number;
  drain(): Promise<void>;
}

/** Opens the API on its ports, for the API server and the monolith. */
export async function openApiApp(deps: ApiAppDeps, ports: ApiPorts, parts: ServerParts): Promise<ApiApp> {
  const { role, store, engine, router, hub, verifier, tls } = deps;
  const { bindAddress } = ports;
  const debug = await listening(
    { role, setting: "pprofPort", port: ports.pprofPort, bindAddress: "127.0.0.1" },
    async () => startDebugServer(ports.pprofPort, () => store.stats()),
  );
  parts.closing.defer(() => debug.stop());
  const poller = new SequencePoller({ store, clock });
  const outbox = new OutboxRepeater({ store, engine, clock });
  const runWatch = new RunWatch({ store, engine, clock });
  const wakes = new WakeQueue({ store, engine, clock });
  const apis: Apis = {
    chats: new ChatApi({
      store,
      engine,
      wakes,
      router,
      checkModel: deps.checkModel,
      defaultModel: deps.defaultModel,
    }),
    projects: new ProjectApi({ store }),
    tokens: new TokenApi({ store, clock }),
    daemons: new DaemonAdminApi({ store, router, clock }),
    streaming: new StreamingApi({ store, hub, poller, clock }),
  };
  const validator = new RequestValidator();
  const routes = apiConnectRoutes(apis, verifier);
  const health = healthRoutes(parts.readiness, clock);
  const shared = {
    bindAddress,
    tls,
    clock,
    cors: { origins: ports.corsOrigins },
    interceptors: [errorInterceptor(), requestLogInterceptor(clock), validationInterceptor(validator)],
    gate: identityGate(verifier, (service) => (service === Health.typeName ? "open" : "api")),
  };
  const rest = restRoutes({ apis, verifier, validator });
  const http = await listening({ role, setting: "apiPort", port: ports.apiPort, bindAddress }, () =>
    openRpcServer({ ...shared, name: "http", port: ports.apiPort, routes, fetch: (request) => rest.fetch(request) }),
  );
  parts.closing.defer(() => http.close(0));
  const grpc = await listening({ role, setting: "grpcPort", port: ports.grpcPort, bindAddress }, () =>
    openRpcServer({
      ...shared,
      name: "grpc",
      port: ports.grpcPort,
      routes: (router) => {
        routes(router);
        health(router);
      },
    }),
  );
  parts.closing.defer(() => grpc.close(0));
  poller.start();
  outbox.start();
  runWatch.start();
  return {
    httpPort: http.port,
    drain: async () => {
      apis.streaming.stop();
      const loops = [poller, outbox, runWatch].map((loop) => loop.stop());
      await Promise.all([http.close(LIMITS.drainMs), grpc.close(LIMITS.drainMs), ...loops]);
      await wakes.stop();
    },
  };
}
