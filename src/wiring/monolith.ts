import { join } from "node:path";
import { createActivities } from "../activities/activities.ts";
import type { ChooseDaemon } from "../activities/activity-deps.ts";
import { DBPATValidator } from "../auth/db-pat-validator.ts";
import { mintToken } from "../auth/personal-access-token.ts";
import { TokenIdentity } from "../auth/token-identity.ts";
import { removeLocalServerFile, writeLocalServerFile } from "../client/local-server-file.ts";
import type { Host } from "../config/host.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import { systemClock as clock } from "../core/clock.ts";
import { newId } from "../core/ids.ts";
import { logger } from "../core/logger.ts";
import { daemonFiles } from "../daemon/daemon-files.ts";
import { EmbeddedEngine } from "../engine/embedded/embedded-engine.ts";
import { ToolsDaemonService } from "../gateway/tools-daemon-service.ts";
import { parseModelName } from "../models/model-catalog.ts";
import { LocalDaemonRouter } from "../routing/local-daemon-router.ts";
import { createMessageCheck } from "../routing/message-check.ts";
import { lockDataFolder } from "../store/data-folder-lock.ts";
import { openStore } from "../store/kysely/kysely-store.ts";
import type { Store } from "../store/store.ts";
import { createToolCatalog } from "../tools/catalog.ts";
import { MemoryUpdateHub } from "../updates/memory-update-hub.ts";
import { openApiApp } from "./api-app.ts";
import type { CommandContext } from "./command-context.ts";
import { LocalDaemon } from "./local-daemon.ts";
import { modelsOf } from "./models.ts";
import { openMonolithTemporal } from "./monolith-temporal.ts";
import { runServer, type ServerParts } from "./server-process.ts";

type Settings = SettingsOf<"monolith">;

/** `reliant monolith`: everything in this process, for one person: SQLite, the embedded engine, memory hub, local router. */
export function runMonolith(settings: Settings, context: CommandContext & { readonly host: Host }): Promise<number> {
  const lock = lockDataFolder(settings.dataDir);
  return runServer("monolith", settings, context, ["sqlite", "hub"], (parts) =>
    start(settings, context, parts),
  ).finally(() => lock.release());
}

async function start(
  settings: Settings,
  context: CommandContext & { readonly host: Host },
  parts: ServerParts,
): Promise<() => Promise<void>> {
  const { closing, readiness } = parts;
  const hub = new MemoryUpdateHub(logger("updates"));
  closing.defer(() => hub.close());
  const store = await openStore({
    driver: "sqlite",
    file: join(settings.dataDir, "reliant.db"),
    clock,
    announce: (announcement) => hub.publish(announcement),
    signal: parts.signal,
  });
  closing.defer(() => store.close());
  readiness.set("sqlite", (ends) => store.check(ends));
  readiness.set("hub", (ends) => hub.check(ends));

  const { userId } = await localUser(store);
  const tools = createToolCatalog();
  const service = new ToolsDaemonService({
    gatewayId: "gtw_local",
    store,
    hub,
    check: createMessageCheck(),
    clock,
    log: logger("gateway"),
  });
  service.start();
  parts.counters.set("gateway", () => service.stats());
  const daemon = new LocalDaemon({
    service,
    identity: { userId, scope: "daemon" },
    tools,
    dataDir: settings.dataDir,
    policyFile: daemonFiles(context.host, settings.dataDir).policy,
  });
  const router = new LocalDaemonRouter({ store, host: service, clock, ensureDaemon: () => daemon.ensure() });
  closing.defer(() => router.close());
  closing.defer(() => service.close());
  closing.defer(() => daemon.stop());

  const activities = createActivities({
    store,
    models: modelsOf(settings, true),
    tools,
    router,
    chooseDaemon: localDaemon,
    hub,
    clock,
  });
  const engine =
    settings.engine === "temporal"
      ? await openMonolithTemporal(settings, activities, parts)
      : new EmbeddedEngine({ activities, turns: store.turns, clock });
  closing.defer(() => engine.close());
  readiness.set("engine", (ends) => engine.check(ends));

  const { httpPort, drain } = await openApiApp(
    {
      role: "monolith",
      store,
      engine,
      router,
      hub,
      verifier: new TokenIdentity({ pats: new DBPATValidator({ store, clock }), jwts: undefined }),
      checkModel: (name) => void parseModelName(name),
      defaultModel: settings.model,
      tls: undefined,
    },
    settings,
    parts,
  );
  await publishLocalServer({ settings, httpPort, store, userId }, parts);
  // After the ports: what was under way goes on, and whoever asks can watch it.
  if (engine instanceof EmbeddedEngine) await engine.start();
  return drain;
}

/** There is one daemon, this machine's, online or not yet: it starts with the first request. */
const localDaemon: ChooseDaemon = async () => ({ id: LocalDaemon.id, platform: `${process.platform}-${process.arch}` });

function localUser(store: Store): Promise<{ readonly userId: string }> {
  return store.users.findOrCreate({ issuer: "local", subject: "local" }).then(({ id }) => ({ userId: id }));
}

interface LocalServerDeps {
  readonly settings: Settings;
  readonly httpPort: number;
  readonly store: Store;
  readonly userId: string;
}

/**
 * A fresh token for each start, in the data folder where `reliant run` finds it. The one before stays in force, for a
 * `reliant run` that has just read it; older ones are revoked.
 */
async function publishLocalServer(deps: LocalServerDeps, parts: ServerParts): Promise<void> {
  const { settings, httpPort, store, userId } = deps;
  const name = "reliant monolith";
  const earlier = (await store.tokens.list(userId))
    .filter((token) => token.name === name && token.revokedAtMs === undefined)
    .toSorted((a, b) => b.createdAtMs - a.createdAtMs);
  for (const token of earlier.slice(1)) await store.tokens.revoke(userId, token.id);
  const { secret, prefix, hash } = mintToken();
  await store.tokens.create({ id: newId("tok"), userId, name, scope: "api", prefix, hash });
  const host = settings.bindAddress === "0.0.0.0" ? "127.0.0.1" : settings.bindAddress;
  await writeLocalServerFile(settings.dataDir, { url: `http://${host}:${httpPort}`, token: secret, pid: process.pid });
  parts.closing.defer(() => removeLocalServerFile(settings.dataDir));
}
