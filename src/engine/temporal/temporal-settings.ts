/** Where Temporal is and how to be let in: self-hosted or Temporal Cloud. */
export interface TemporalSettings {
  /** `host:port`. */
  readonly address: string;
  readonly namespace: string;
  /** Undefined: no TLS. An API key or a client certificate imply it. */
  readonly tls?: TemporalTls;
  readonly apiKey?: string;
}

export interface TemporalTls {
  /** Name that the server's certificate must have, where it is not the host. */
  readonly serverName?: string;
  /** PEM; without it the system's authorities. */
  readonly ca?: string;
  /** PEM, both or none: mutual TLS. */
  readonly certificate?: string;
  readonly key?: string;
}

/** The same for the SDK's two kinds of connections. */
export function connectionOptions(settings: TemporalSettings) {
  const { address, apiKey, tls } = settings;
  const withTls = tls !== undefined || apiKey !== undefined;
  return {
    address,
    ...(withTls ? { tls: tlsOptions(tls ?? {}) } : {}),
    ...(apiKey === undefined ? {} : { apiKey }),
  };
}

function tlsOptions({ serverName, ca, certificate, key }: TemporalTls) {
  return {
    ...(serverName === undefined ? {} : { serverNameOverride: serverName }),
    ...(ca === undefined ? {} : { serverRootCACertificate: Buffer.from(ca) }),
    ...(certificate === undefined || key === undefined
      ? {}
      : { clientCertPair: { crt: Buffer.from(certificate), key: Buffer.from(key) } }),
  };
}
