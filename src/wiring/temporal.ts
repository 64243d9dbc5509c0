import { readFile } from "node:fs/promises";
import type { SettingsOf } from "../config/settings-of.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import type { TemporalSettings, TemporalTls } from "../engine/temporal/temporal-settings.ts";

type Settings = Pick<
  SettingsOf<"api">,
  | "temporalPort"
  | "temporalNamespace"
  | "temporalTls"
  | "temporalTlsServerName"
  | "temporalTlsCa"
  | "temporalTlsCert"
  | "temporalTlsKey"
  | "temporalApiKey"
>;

/** Where Temporal is, with the files of its TLS read. */
export async function temporalSettings(host: string, settings: Settings): Promise<TemporalSettings> {
  const tls = await tlsOf(settings);
  const apiKey = settings.temporalApiKey?.reveal();
  return {
    address: `${host}:${settings.temporalPort}`,
    namespace: settings.temporalNamespace,
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
  };
}

async function tlsOf(settings: Settings): Promise<TemporalTls | undefined> {
  if (!settings.temporalTls) return undefined;
  const { temporalTlsServerName: serverName } = settings;
  const [ca, certificate, key] = await Promise.all([
    pem("--temporal-tls-ca", settings.temporalTlsCa),
    pem("--temporal-tls-cert", settings.temporalTlsCert),
    pem("--temporal-tls-key", settings.temporalTlsKey),
  ]);
  return {
    ...(serverName === undefined ? {} : { serverName }),
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
  };
}

async function pem(flag: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new ReliantError("failed_precondition", `read ${flag} ${path}: ${messageOf(error)}`, { cause: error });
  }
}
