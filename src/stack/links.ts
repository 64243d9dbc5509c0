import { assert } from "../core/errors.ts";
import type { Backends } from "./backends.ts";
import type { ServerRole } from "./role-process.ts";
import { startToxicProxy, type ToxicProxy, type Upstream } from "./toxic-proxy.ts";

/** Who reaches whom through it. */
export type LinkName =
  | "api-postgres"
  | "api-nats"
  | "api-temporal"
  | "worker-postgres"
  | "worker-nats"
  | "worker-temporal"
  | "gateway-postgres"
  | "gateway-nats"
  | "daemon-gateway"
  | "client-api";

export type Links = ReadonlyMap<LinkName, ToxicProxy>;

/** A link to each backend for each kind of role that needs it, and two without upstreams yet: `daemon-gateway` and `client-api`. */
export async function startLinks(backends: Backends, closing: AsyncDisposableStack): Promise<Links> {
  const [postgres, nats] = [addressOf(backends.databaseUrl), addressOf(backends.natsUrl)];
  const { host, port } = backends.temporal;
  const upstreams: Readonly<Record<LinkName, readonly Upstream[]>> = {
    "api-postgres": [postgres],
    "api-nats": [nats],
    "api-temporal": [{ host, port }],
    "worker-postgres": [postgres],
    "worker-nats": [nats],
    "worker-temporal": [{ host, port }],
    "gateway-postgres": [postgres],
    "gateway-nats": [nats],
    "daemon-gateway": [],
    "client-api": [],
  };
  const links = new Map<LinkName, ToxicProxy>();
  for (const name of LINK_NAMES) {
    links.set(name, closing.use(await startToxicProxy({ name, upstreams: upstreams[name] })));
  }
  return links;
}

export const LINK_NAMES: readonly LinkName[] = [
  ...(["api-postgres", "api-nats", "api-temporal"] as const),
  ...(["worker-postgres", "worker-nats", "worker-temporal"] as const),
  ...(["gateway-postgres", "gateway-nats", "daemon-gateway", "client-api"] as const),
];

export function linkOf(links: Links, name: LinkName): ToxicProxy {
  const link = links.get(name);
  assert(link !== undefined, `there is a link ${name}`);
  return link;
}

/** The backends as a role reaches them, through its links. */
export function throughLinks(kind: ServerRole, links: Links, backends: Backends): Backends {
  const portOf = (name: LinkName) => linkOf(links, name).port;
  const through = (url: string, name: LinkName) => {
    const changed = new URL(url);
    changed.hostname = "127.0.0.1";
    changed.port = String(portOf(name));
    return changed.href;
  };
  const temporal =
    kind === "gateway"
      ? backends.temporal
      : { ...backends.temporal, host: "127.0.0.1", port: portOf(`${kind}-temporal`) };
  return {
    databaseUrl: through(backends.databaseUrl, `${kind}-postgres`),
    natsUrl: through(backends.natsUrl, `${kind}-nats`),
    temporal,
  };
}

function addressOf(url: string): Upstream {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
