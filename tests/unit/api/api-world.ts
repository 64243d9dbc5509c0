import { join } from "node:path";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import type { Apis } from "../../../src/api/apis.ts";
import { ChatApi } from "../../../src/api/chat-service.ts";
import { apiConnectRoutes } from "../../../src/api/connect-routes.ts";
import { DaemonAdminApi } from "../../../src/api/daemon-admin-service.ts";
import { ProjectApi } from "../../../src/api/project-service.ts";
import { restRoutes } from "../../../src/api/rest-routes.ts";
import { SequencePoller } from "../../../src/api/sequence-poller.ts";
import { StreamingApi } from "../../../src/api/streaming-service.ts";
import { TokenApi } from "../../../src/api/token-service.ts";
import { WakeQueue } from "../../../src/api/wake-queue.ts";
import { DBPATValidator } from "../../../src/auth/db-pat-validator.ts";
import { mintToken } from "../../../src/auth/personal-access-token.ts";
import { systemClock as clock } from "../../../src/core/clock.ts";
import { ReliantError } from "../../../src/core/errors.ts";
import { newId } from "../../../src/core/ids.ts";
import { logger } from "../../../src/core/logger.ts";
import { ChatService } from "../../../src/gen/reliant/v1/chat_pb.ts";
import { StreamingService } from "../../../src/gen/reliant/v1/update_pb.ts";
import { errorInterceptor } from "../../../src/rpc/error-interceptor.ts";
import { identityGate } from "../../../src/rpc/identity-gate.ts";
import { requestLogInterceptor } from "../../../src/rpc/request-log-interceptor.ts";
import { RequestValidator } from "../../../src/rpc/request-validator.ts";
import { openRpcServer } from "../../../src/rpc/rpc-server.ts";
import { validationInterceptor } from "../../../src/rpc/validation-interceptor.ts";
import { openStore } from "../../../src/store/kysely/kysely-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { MemoryUpdateHub } from "../../../src/updates/memory-update-hub.ts";
import { tempFolder } from "../../support/temp-folder.ts";

/** One API replica: its own hub, so that what another one announces does not reach it. */
export interface Replica {
  readonly url: string;
  readonly hub: MemoryUpdateHub;
  readonly streaming: StreamingApi;
  readonly poller: SequencePoller;
  chats(token: string): Client<typeof ChatService>;
  updates(token: string): Client<typeof StreamingService>;
}

/** API replicas over one real store; the engine and the router only note what they were told. */
export interface ApiWorld extends AsyncDisposable {
  readonly store: Store;
  readonly told: string[];
  /** Whether the engine rejects. */
  engineAway: boolean;
  readonly replicas: readonly Replica[];
  /** A new user's id and API token. */
  signUp(): Promise<{ readonly userId: string; readonly token: string; readonly tokenId: string }>;
}

export async function openApiWorld(
  options: { readonly replicas?: number; readonly defaultModel?: string } = {},
): Promise<ApiWorld> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await tempFolder("api"));
  const replicas: Replica[] = [];
  const store = await openStore({
    driver: "sqlite",
    file: join(folder.path, "reliant.db"),
    clock,
    // The first replica hears of everything; the others of nothing: they must find out by their polls.
    announce: (announcement) => replicas[0]?.hub.publish(announcement),
    signal: AbortSignal.timeout(30_000),
  });
  cleanup.defer(() => store.close());
  const told: string[] = [];
  const state = { engineAway: false };
  const tell = async (what: string) => {
    if (state.engineAway) throw new ReliantError("unavailable", "the engine is away");
    told.push(what);
  };
  for (let index = 0; index < (options.replicas ?? 1); index++) {
    replicas.push(await openReplica(cleanup, store, told, tell, options.defaultModel));
  }
  const owned = cleanup.move();
  return {
    store,
    told,
    replicas,
    get engineAway() {
      return state.engineAway;
    },
    set engineAway(away) {
      state.engineAway = away;
    },
    signUp: () => signUp(store),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function openReplica(
  cleanup: AsyncDisposableStack,
  store: Store,
  told: string[],
  tell: (what: string) => Promise<void>,
  defaultModel: string | undefined,
): Promise<Replica> {
  const hub = new MemoryUpdateHub(logger("updates"));
  cleanup.defer(() => hub.close());
  const poller = new SequencePoller({ store, clock });
  const engine = {
    wake: (chatId: string) => tell(`wake ${chatId}`),
    cancel: (chatId: string) => tell(`cancel ${chatId}`),
  };
  const router = {
    cancelToolCall: async ({ id }: { readonly id: string }) => void told.push(`cancel call ${id}`),
    sendCommand: async () => {
      throw new ReliantError("daemon_offline", "the daemon is not connected");
    },
  };
  const checkModel = (name: string) => {
    if (!name.startsWith("scripted/")) throw new ReliantError("invalid_argument", `model ${name}: unknown provider`);
  };
  const wakes = new WakeQueue({ store, engine, clock });
  cleanup.defer(() => wakes.stop());
  const apis: Apis = {
    chats: new ChatApi({ store, engine, wakes, router, checkModel, defaultModel }),
    projects: new ProjectApi({ store }),
    tokens: new TokenApi({ store, clock }),
    daemons: new DaemonAdminApi({ store, router, clock }),
    streaming: new StreamingApi({ store, hub, poller, clock }),
  };
  const verifier = new DBPATValidator({ store, clock });
  const validator = new RequestValidator();
  const rest = restRoutes({ apis, verifier, validator });
  const server = await openRpcServer({
    name: "test",
    port: 0,
    bindAddress: "127.0.0.1",
    clock,
    routes: apiConnectRoutes(apis, verifier),
    interceptors: [errorInterceptor(), requestLogInterceptor(clock), validationInterceptor(validator)],
    gate: identityGate(verifier, () => "api"),
    fetch: (request) => rest.fetch(request),
    cors: { origins: ["*"] },
  });
  cleanup.defer(() => server.close(100));
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    hub,
    poller,
    streaming: apis.streaming,
    chats: (token) => createClient(ChatService, transport(url, token)),
    updates: (token) => createClient(StreamingService, transport(url, token)),
  };
}

function transport(baseUrl: string, token: string): Transport {
  return createConnectTransport({
    baseUrl,
    httpVersion: "2",
    interceptors: [
      (next) => (request) => {
        request.header.set("authorization", `Bearer ${token}`);
        return next(request);
      },
    ],
  });
}

async function signUp(store: Store) {
  const user = await store.users.findOrCreate({ issuer: "tests", subject: newId("usr") });
  const { secret, hash, prefix } = mintToken();
  const token = await store.tokens.create({
    id: newId("tok"),
    userId: user.id,
    name: "test",
    scope: "api",
    hash,
    prefix,
  });
  return { userId: user.id, token: secret, tokenId: token.id };
}
