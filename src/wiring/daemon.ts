import { hostname } from "node:os";
import { resolve } from "node:path";
import { buildInfo } from "../build-info.ts";
import type { Host } from "../config/host.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import { systemClock } from "../core/clock.ts";
import { messageOf, toReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { configureLogging, logger } from "../core/logger.ts";
import { ConnectTransport } from "../daemon/connect-transport.ts";
import { type ConnectAs, credentialsWarning, readCredentials, resolveCredentials } from "../daemon/credentials.ts";
import { createDaemon, type Daemon } from "../daemon/daemon.ts";
import { type DaemonFiles, daemonFiles } from "../daemon/daemon-files.ts";
import { helloFields } from "../daemon/hello-fields.ts";
import { IdKeeper, readDaemonId } from "../daemon/identity-file.ts";
import { LogFile } from "../daemon/log-file.ts";
import { thisMachine } from "../daemon/machine.ts";
import { removePidFile, writePidFile } from "../daemon/pid-file.ts";
import { PolicySource } from "../daemon/policy-source.ts";
import { SqliteJournal } from "../daemon/sqlite-journal.ts";
import { StatusWriter } from "../daemon/status-file.ts";
import { tlsModeOf } from "../daemon/tls-mode.ts";
import { createToolCatalog } from "../tools/catalog.ts";
import type { CommandContext } from "./command-context.ts";

type Settings = SettingsOf<"daemon">;
type Context = CommandContext & { readonly host: Host };

/**
 * `reliant daemon start`: in the foreground, until SIGINT or SIGTERM, as service managers want it; its log is on standard
 * error and in the data folder. Exit code 0 when it was stopped; throws where it cannot start or gives up.
 */
export async function runDaemon(settings: Settings, context: Context): Promise<number> {
  const files = daemonFiles(context.host, settings.dataDir);
  const connectAs = await credentialsOf(settings, files, context);
  const log = LogFile.open(files.log);
  await configureLogging({ level: settings.logLevel, format: settings.logFormat, alsoTo: (line) => log.append(line) });
  const status = new StatusWriter(files.status, connectAs.gateway, systemClock);
  const ids = new IdKeeper(files.identity, connectAs.daemonId);
  try {
    const daemon = await daemonOf(settings, files, connectAs, status, ids);
    await daemon.start();
    await writePidFile(files.pid);
    try {
      await liveUntil(context.signal, daemon);
    } catch (error) {
      await status.gaveUp(toReliantError(error, "run the daemon"));
      throw error;
    } finally {
      await removePidFile(files.pid);
    }
    return 0;
  } catch (error) {
    // Whoever looks later has only the log file.
    logger("daemon").error("ended", { reason: messageOf(error) });
    throw error;
  } finally {
    await ids.settled();
    await status.close();
    log.close();
  }
}

async function credentialsOf(settings: Settings, files: DaemonFiles, context: Context): Promise<ConnectAs> {
  const warning = await credentialsWarning(files.credentials);
  if (warning !== undefined) context.warn(warning);
  return resolveCredentials(settings, await readCredentials(files.credentials), await readDaemonId(files.identity));
}

async function daemonOf(
  settings: Settings,
  files: DaemonFiles,
  connectAs: ConnectAs,
  status: StatusWriter,
  ids: IdKeeper,
): Promise<Daemon> {
  const { gateway: url, token, daemonId, userId, labels } = connectAs;
  const tools = createToolCatalog();
  const { version, target: platform } = buildInfo();
  return createDaemon({
    transport: new ConnectTransport({
      url,
      token,
      tlsMode: tlsModeOf(url, connectAs.tlsMode),
      pingIntervalMs: settings.pingIntervalMs,
    }),
    tools,
    policy: await PolicySource.open(
      files.policy,
      settings.roots.map((root) => resolve(root)),
    ),
    clock: systemClock,
    openJournal: () => SqliteJournal.open(files.journal),
    machine: thisMachine(files.outputs),
    hello: helloFields({
      daemonId,
      userId,
      instanceId: newId("ins"),
      name: connectAs.name ?? hostname(),
      labels,
      version,
      platform,
      toolNames: tools.names,
    }),
    onWelcome: (welcome) => ids.keep(welcome.daemonId),
    onState: (state) => status.take(state),
  });
}

async function liveUntil(signal: AbortSignal, daemon: Daemon): Promise<void> {
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping = daemon.stop();
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    await daemon.ended();
    await stopping;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
