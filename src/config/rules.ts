import { namesOf, type Scope, type Source, type Value } from "./row.ts";
import { SETTINGS } from "./settings.ts";
import { rowsOf, type SettingKey } from "./settings-of.ts";

/** What rules look at: the values that could be read, and where each came from. */
export interface Resolved {
  readonly scope: Scope;
  readonly values: ReadonlyMap<SettingKey, Value>;
  readonly sources: ReadonlyMap<SettingKey, Source>;
}

export type Finding =
  | { readonly kind: "fault"; readonly text: string }
  | { readonly kind: "warning"; readonly text: string }
  | { readonly kind: "force"; readonly key: SettingKey; readonly value: Value; readonly because: string };

/** A rule about several settings together. Settings that the scope does not take count as not given. */
export type Rule = (resolved: Resolved) => readonly Finding[];

interface ProviderNeeds {
  readonly provider: string;
  readonly key: SettingKey;
  /** An address that may stand in for the key: a proxy that adds it. */
  readonly or: SettingKey;
  /** The model that a person means who sets the key and names none: a name that the AI SDK's own table has. */
  readonly usual?: string;
}

const PROVIDER_NEEDS: readonly ProviderNeeds[] = [
  { provider: "anthropic", key: "anthropicApiKey", or: "anthropicBaseUrl", usual: "anthropic/claude-sonnet-5-5" },
  { provider: "openai", key: "openaiApiKey", or: "openaiBaseUrl", usual: "openai/gpt-5.6" },
  { provider: "google", key: "googleApiKey", or: "googleBaseUrl", usual: "google/gemini-pro-latest" },
  { provider: "compatible", key: "compatibleBaseUrl", or: "compatibleBaseUrl" },
];

export const RULES: readonly Rule[] = [
  databaseDriver,
  streamingDriver,
  (resolved) => together(resolved, "tlsCert", "tlsKey"),
  (resolved) => together(resolved, "temporalTlsCert", "temporalTlsKey"),
  tlsOrNot,
  temporalTls,
  jwtKeys,
  corsOrigins,
  monolithAddress,
  portsDiffer,
  modelSettings,
  tlsModeFitsAddress,
  benchStack,
  chaosStack,
  chaosFaults,
];

function databaseDriver(resolved: Resolved): Finding[] {
  const driver = resolved.values.get("dbDriver");
  if (driver === "postgres" && !given(resolved, "dbUrl")) {
    return [
      fault(
        `${names("dbUrl")} is required when ${names("dbDriver")} is postgres: postgres://user:password@host:5432/database`,
      ),
    ];
  }
  if (driver !== "sqlite") return [];
  const warnings = [
    warning(
      `${names("dbDriver")} is sqlite: this server and all others must run on this machine and share ${names("dataDir")}`,
    ),
  ];
  if (given(resolved, "dbUrl"))
    warnings.push(warning(`${names("dbUrl")} is not used when ${names("dbDriver")} is sqlite`));
  return warnings;
}

function streamingDriver({ values }: Resolved): Finding[] {
  if (values.get("streamingDriver") !== "memory") return [];
  return [
    { kind: "force", key: "streamingDriver", value: "nats", because: "servers stream through NATS only" },
    warning(
      `${names("streamingDriver")} is memory: nats is used, because other servers' events come through NATS only`,
    ),
  ];
}

function together(resolved: Resolved, one: SettingKey, other: SettingKey): Finding[] {
  const [hasOne, hasOther] = [given(resolved, one), given(resolved, other)];
  if (hasOne === hasOther) return [];
  const [there, missing] = hasOne ? [one, other] : [other, one];
  return [fault(`${names(there)} is given without ${names(missing)}: give both or neither`)];
}

function tlsOrNot(resolved: Resolved): Finding[] {
  if (resolved.values.get("disableTls") !== true || !given(resolved, "tlsCert")) return [];
  return [fault(`${names("disableTls")} and ${names("tlsCert")} contradict each other: leave one of them out`)];
}

function temporalTls(resolved: Resolved): Finding[] {
  const needing = (["temporalApiKey", "temporalTlsCert", "temporalTlsCa", "temporalTlsServerName"] as const).find(
    (key) => given(resolved, key),
  );
  const isOn = resolved.values.get("temporalTls") === true;
  if (!isOn && needing === undefined) return [];
  if (!isOn && needing !== undefined && given(resolved, "temporalTls")) {
    return [fault(`${names("temporalTls")} is false, but ${names(needing)} needs it: leave one of them out`)];
  }
  const findings = temporalServerName(resolved);
  if (isOn || needing === undefined) return findings;
  return [
    { kind: "force", key: "temporalTls", value: true, because: `implied by ${SETTINGS[needing].flag}` },
    ...findings,
  ];
}

/** TLS knows servers by names (RFC 6066 §3): the runtime connects to no address for which none is given. */
function temporalServerName(resolved: Resolved): Finding[] {
  const host = resolved.values.get("temporalHost");
  if (typeof host !== "string" || given(resolved, "temporalTlsServerName")) return [];
  // Loaded here and not with the file: it would take a quarter of the time of `reliant version`, and 4 MB.
  if (process.getBuiltinModule("node:net").isIP(host) === 0) return [];
  return [
    fault(
      `${names("temporalHost")} is the IP address ${host}: with TLS, ${names("temporalTlsServerName")} must say which name its certificate has`,
    ),
  ];
}

function jwtKeys(resolved: Resolved): Finding[] {
  const keys = (["jwtPublicKey", "jwtPublicKeyFile", "jwtJwksUrl"] as const).filter((key) => given(resolved, key));
  if (keys.length > 1) return [fault(`${keys.map(names).join(" and ")} contradict each other: give one of them`)];
  return [];
}

function corsOrigins({ values }: Resolved): Finding[] {
  const origins = values.get("corsOrigins");
  const address = values.get("bindAddress");
  if (!Array.isArray(origins) || !origins.includes("*") || typeof address !== "string" || isLoopback(address))
    return [];
  return [warning(`${names("corsOrigins")} is *: every web page may call this server; name the origins that you use`)];
}

function monolithAddress({ scope, values }: Resolved): Finding[] {
  const address = values.get("bindAddress");
  if (scope !== "monolith" || typeof address !== "string" || isLoopback(address)) return [];
  return [
    warning(
      `${names("bindAddress")} is ${address}: other machines reach this monolith, without TLS; whoever has its token runs commands here`,
    ),
  ];
}

function portsDiffer({ scope, values }: Resolved): Finding[] {
  const seen = new Map<number, SettingKey>();
  const faults: Finding[] = [];
  for (const { key, row } of rowsOf(scope)) {
    const port = values.get(key);
    if (row.kind.name !== "port" || !row.kind.listens || typeof port !== "number" || port === 0) continue;
    const other = seen.get(port);
    if (other === undefined) seen.set(port, key);
    else faults.push(fault(`${names(other)} and ${names(key)} are both ${port}: give one of them another port`));
  }
  return faults;
}

/** `scripted/default` is the script of --scripted-model; naming a script by --model alone is enough, too. */
function modelSettings(resolved: Resolved): Finding[] {
  const { scope, values } = resolved;
  const [script, model] = [values.get("scriptedModel"), values.get("model")];
  if (scope !== "worker" && scope !== "monolith") return [];
  if (typeof model !== "string") {
    if (given(resolved, "model")) return [];
    if (script === undefined) return scope === "monolith" ? usualModel(resolved) : [];
    return [
      { kind: "force", key: "model", value: "scripted/default", because: `implied by ${SETTINGS.scriptedModel.flag}` },
    ];
  }
  if (model.startsWith("scripted/") && script === undefined) {
    const value = model.slice("scripted/".length);
    if (value === "default") return [fault(`${names("model")} is ${model}, which needs ${names("scriptedModel")}`)];
    return [{ kind: "force", key: "scriptedModel", value, because: `implied by ${SETTINGS.model.flag}` }];
  }
  const needs = PROVIDER_NEEDS.find(({ provider }) => model.startsWith(`${provider}/`));
  if (needs === undefined || given(resolved, needs.key) || given(resolved, needs.or)) return [];
  return [fault(`${names("model")} is ${model}, which needs ${names(needs.key)}`)];
}

/** One person with one key need not name a model. The first provider in the table's order that has one. */
function usualModel(resolved: Resolved): Finding[] {
  const has = PROVIDER_NEEDS.find(({ key, usual }) => usual !== undefined && given(resolved, key));
  if (has?.usual === undefined) return [];
  return [{ kind: "force", key: "model", value: has.usual, because: `implied by ${names(has.key)}` }];
}

function tlsModeFitsAddress({ values }: Resolved): Finding[] {
  const mode = values.get("tlsMode");
  const key = values.has("gatewayUrl") ? "gatewayUrl" : "server";
  const address = values.get(key);
  if (typeof mode !== "string" || typeof address !== "string") return [];
  const plain = address.startsWith("http:");
  if (plain === (mode === "h2c")) return [];
  return [
    fault(
      `${names("tlsMode")} ${mode} does not fit ${names(key)} ${address}: use ${plain ? "https" : "http"}:// or leave the mode out`,
    ),
  ];
}

/** A variable that names somebody's stack says nothing beside the flag. */
function chaosStack({ values, sources }: Resolved): Finding[] {
  if (values.get("stack") === undefined) return [];
  const keys: readonly SettingKey[] = ["server", "gatewayUrl", "token"];
  return keys
    .filter((key) => sources.get(key)?.kind === "flag")
    .map((key) => fault(`${names("stack")} starts a stack of its own: leave ${SETTINGS[key].flag} out, or --stack`));
}

function chaosFaults({ values, sources }: Resolved): Finding[] {
  const faults = values.get("faults");
  if (sources.get("faults")?.kind !== "flag" || !Array.isArray(faults) || faults.length > 0) return [];
  return [fault(`${names("faults")} names none: leave it out for all of them`)];
}

/** A variable names the server of every day: `--stack local` goes beside it. */
function benchStack({ scope, values, sources }: Resolved): Finding[] {
  if (scope !== "bench" || !values.has("benchStack") || sources.get("server")?.kind !== "flag") return [];
  return [fault(`${names("benchStack")} starts a stack of its own: leave ${SETTINGS.server.flag} out, or --stack`)];
}

/** True for addresses that only this machine reaches. */
export function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || address === "[::1]" || address.startsWith("127.");
}

function given({ sources }: Resolved, key: SettingKey): boolean {
  const kind = sources.get(key)?.kind;
  return kind === "flag" || kind === "variable";
}

function names(key: SettingKey): string {
  return namesOf(SETTINGS[key]);
}

function fault(text: string): Finding {
  return { kind: "fault", text };
}

function warning(text: string): Finding {
  return { kind: "warning", text };
}
