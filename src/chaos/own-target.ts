import { fromServer } from "../client/api-client.ts";
import { messageOf, ReliantError } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { TRIAL_LIMITS } from "../core/trial-limits.ts";
import { TokenScope } from "../gen/reliant/v1/token_pb.ts";
import type { LinkName } from "../stack/links.ts";
import { ProcessStarter } from "../stack/process-starter.ts";
import { type ApiClients, clients } from "../stack/stack-client.ts";
import { startStackDaemon } from "../stack/stack-daemon.ts";
import type { StackUser } from "../stack/stack-user.ts";
import { startToxicProxy, type ToxicProxy } from "../stack/toxic-proxy.ts";
import { whyNoPrlimit } from "./descriptor-limit.ts";
import { checkGateway } from "./gateway-probe.ts";
import { daemonVictim, smallDaemon, trySmallDisk } from "./local-target.ts";
import type { ChaosDaemon, Target } from "./target.ts";

/** A stack of the user's own, as its client sees it. */
export interface OwnStack {
  readonly server: string;
  readonly gateway: string;
  /** Opens the API as its user. */
  readonly token: string;
  readonly model: string;
  readonly daemons: number;
  /** False: `insecure_tls_skip_verify`. */
  readonly verifyTls: boolean;
  readonly executable: string;
}

export interface OwnPlace {
  /** Takes the daemons' folders and logs. */
  readonly folder: string;
  /** Ends the daemons, and takes back what was made in the stack. */
  readonly cleanup: AsyncDisposableStack;
  /** Is told what could not be taken back. */
  readonly warn: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Daemons of our own on somebody's stack, and proxies in front of its two addresses. What is made in the stack and can be
 * taken back (the daemons' tokens) is taken back by `cleanup`.
 */
export async function ownTarget(own: OwnStack, place: OwnPlace): Promise<Target> {
  const { folder, cleanup, signal } = place;
  await checkGateway(own.gateway, own.verifyTls, signal);
  const noProxies = proxiesFit(own)
    ? undefined
    : "the stack speaks TLS, whose certificate is not for a proxy's address (--tls-mode insecure_tls_skip_verify takes it)";
  const links = new Map<LinkName, ToxicProxy>();
  const through = async (name: LinkName, address: string) => {
    if (noProxies !== undefined) return address;
    const proxy = cleanup.use(await startToxicProxy({ name, upstreams: [upstreamOf(address)] }));
    links.set(name, proxy);
    const url = new URL(address);
    url.hostname = "127.0.0.1";
    url.port = String(proxy.port);
    return url.href.replace(/\/$/, "");
  };
  const apiUrl = await through("client-api", own.server);
  const gatewayUrl = await through("daemon-gateway", own.gateway);
  const direct = clients(own.server, own.token, own.verifyTls);
  const user = ownUser(own, apiUrl, direct, place);
  const disk = await trySmallDisk(folder);
  if ("path" in disk) cleanup.use(disk);
  const starter = new ProcessStarter({ executable: own.executable, folder, env: {} });
  cleanup.defer(() => starter.end());
  const flags = own.verifyTls ? [] : ["--tls-mode", "insecure_tls_skip_verify"];
  const run = newId("ins").slice(-8);
  const daemons: ChaosDaemon[] = [];
  for (let index = 0; index < own.daemons; index++) {
    const small = index === 0 && "path" in disk ? disk : undefined;
    const options = { name: `chaos-${run}-${index}`, folder, gatewayUrl, flags, ...smallDaemon(small) };
    daemons.push(daemonVictim(await startStackDaemon(starter, user, options, signal), small));
  }
  return {
    ...{ name: own.server, apiUrl, api: user.api, model: own.model, daemons },
    means: {
      ...{ wholeStack: false, noSmallDisk: "why" in disk ? disk.why : undefined },
      ...{ noPrlimit: await whyNoPrlimit(), noProxies },
    },
    victims: (role) => (role === "daemon" ? daemons : []),
    server: () => undefined,
    link: (name) => links.get(name),
  };
}

/** The user of the token; daemons' tokens are made past the proxies, and revoked at the end. */
function ownUser(own: OwnStack, apiUrl: string, direct: ApiClients, { cleanup, warn }: OwnPlace): StackUser {
  return {
    name: "chaos",
    jwt: own.token,
    api: clients(apiUrl, own.token, own.verifyTls),
    apiAt: () => direct,
    newDaemonToken: async () => {
      const options = { timeoutMs: TRIAL_LIMITS.chaosRequestMs };
      try {
        const made = await direct.tokens.createToken(
          { name: "reliant chaos", scope: TokenScope.DAEMON, expiresInDays: 2 },
          options,
        );
        const id = made.token?.id ?? "";
        cleanup.defer(async () => {
          await direct.tokens.revokeToken({ tokenId: id }, options).catch((error: unknown) => {
            warn(`the daemons' token ${id} is in force for two days: revoke it: ${messageOf(error)}`);
          });
        });
        return { id, secret: made.secret };
      } catch (error) {
        const ours = fromServer(error, `make a daemon's token at ${own.server}`, own.server);
        if (ours.code !== "unavailable") throw ours;
        const hint = "is an API running there? --stack local starts a stack on this machine";
        throw new ReliantError("unavailable", ours.message, { cause: error, hint });
      }
    },
  };
}

/** Through a proxy on 127.0.0.1 a certificate is never for the right name. */
function proxiesFit(own: OwnStack): boolean {
  return !own.verifyTls || [own.server, own.gateway].every((address) => address.startsWith("http:"));
}

function upstreamOf(address: string): { readonly host: string; readonly port: number } {
  const url = new URL(address);
  if (url.pathname !== "/") {
    throw new ReliantError("usage", `${address}: an address without a path is needed`);
  }
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port };
}
