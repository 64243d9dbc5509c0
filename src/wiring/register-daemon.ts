import { hostname } from "node:os";
import { buildInfo } from "../build-info.ts";
import type { Host } from "../config/host.ts";
import type { SettingsOf } from "../config/settings-of.ts";
import { systemClock } from "../core/clock.ts";
import { ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { ConnectTransport } from "../daemon/connect-transport.ts";
import { writeCredentials } from "../daemon/credentials.ts";
import { daemonFiles } from "../daemon/daemon-files.ts";
import { connectOnce } from "../daemon/first-connection.ts";
import { helloFields } from "../daemon/hello-fields.ts";
import { readDaemonId, writeDaemonId } from "../daemon/identity-file.ts";
import { SqliteJournal } from "../daemon/sqlite-journal.ts";
import { tlsModeOf } from "../daemon/tls-mode.ts";

interface Context {
  readonly signal: AbortSignal;
  readonly host: Host;
  write(text: string): Promise<void>;
}

/** `reliant daemon register`: proves the token by one connection, and keeps it with what the gateway said. */
export async function registerDaemon(settings: SettingsOf<"register">, context: Context): Promise<number> {
  const { token, gatewayUrl: gateway } = settings;
  if (token === undefined) {
    throw new ReliantError("usage", "--token / RELIANT_TOKEN is missing", {
      hint:
        "make a personal access token: POST /api/v2/tokens of your installation's API, then " +
        "`reliant daemon register --gateway URL --token -` reads it from standard input",
    });
  }
  if (gateway === undefined) {
    throw new ReliantError("usage", "--gateway / RELIANT_GATEWAY_URL is missing: where this machine connects", {
      hint: "as in --gateway https://gateway.example.com:9190",
    });
  }
  const files = daemonFiles(context.host, settings.dataDir);
  const { version, target: platform } = buildInfo();
  const journal = SqliteJournal.open(files.journal);
  try {
    const welcome = await connectOnce({
      transport: new ConnectTransport({ url: gateway, token, tlsMode: tlsModeOf(gateway, settings.tlsMode) }),
      clock: systemClock,
      journal,
      hello: helloFields({
        daemonId: (await readDaemonId(files.identity)) ?? "",
        userId: settings.userId ?? "",
        instanceId: newId("ins"),
        name: settings.daemonName ?? hostname(),
        labels: settings.labels,
        version,
        platform,
        toolNames: [],
      }),
      signal: context.signal,
    });
    const { daemonId, userId } = welcome;
    await writeDaemonId(files.identity, daemonId);
    const { tlsMode, daemonName: name } = settings;
    const labels = settings.labels.length === 0 ? undefined : settings.labels;
    await writeCredentials(files.credentials, { gateway, tlsMode, token, userId, daemonId, name, labels });
    await context.write(
      `Registered as ${daemonId} of user ${userId}; credentials in ${files.credentials}.\nConnect with: reliant daemon start\n`,
    );
    return 0;
  } finally {
    journal.close();
  }
}
